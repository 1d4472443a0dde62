"""Filters: the operators that the real server lets through, and the silence about all others."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.query import matches

ROW: dict[str, Any] = {
    "_id": 9,
    "age": "34",
    "name": "Amina",
    "gone": None,
    "meta/instanceID": "uuid:b",
    "meta/rootUuid": "uuid:a",
    "_validation_status": {"uid": "validation_status_approved", "timestamp": 1787200000},
    "members": [{"members/name": "Juma", "members/age": "7"}, {"members/name": "Neema"}],
}


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ({"name": "Amina"}, True),
        ({"name": "amina"}, False),
        ({"name": {"$in": ["Juma", "Amina"]}}, True),
        ({"name": {"$nin": ["Juma", "Amina"]}}, False),
        ({"nosuch": {"$nin": ["x"]}}, True),
        ({"name": {"$ne": "Juma"}}, True),
        ({"name": {"$not": {"$regex": "^A"}}}, False),
        ({"name": {"$regex": "^a", "$options": "i"}}, True),
        ({"name": {"$regex": "^a"}}, False),
        ({"age": {"$gt": "3"}}, True),
        ({"age": {"$gt": 3}}, False),
        ({"age": {"$lte": "34", "$gte": "34"}}, True),
        ({"age": {"$lt": "4"}}, True),
        ({"_id": {"$gt": "3"}}, False),
        ({"_id": {"$gte": 9, "$lt": 10}}, True),
        ({"age": {"$exists": True}}, True),
        ({"nosuch": {"$exists": False}}, True),
        ({"gone": None}, True),
        ({"nosuch": None}, True),
        ({"_validation_status.uid": "validation_status_approved"}, True),
        ({"_validation_status.timestamp": {"$gte": 1787200001}}, False),
        ({"_validation_status.uid": {"$exists": False}}, False),
        ({"members": {"$elemMatch": {"members/name": "Juma", "members/age": "7"}}}, True),
        ({"members": {"$elemMatch": {"members/name": "Neema", "members/age": "7"}}}, False),
        ({"$and": [{"name": "Amina"}, {"age": "35"}]}, False),
        ({"$or": [{"name": "Juma"}, {"age": "34"}]}, True),
        ({"$expr": {"$ne": ["$meta/instanceID", "$meta/rootUuid"]}}, True),
        ({"$expr": {"$ne": [{"$ifNull": ["$nosuch", "x"]}, "x"]}}, False),
        ({"$nor": [{"name": "Juma"}]}, False),
        ({"name": {"$eq": "Amina"}}, False),
        ({"members": {"$size": 2}}, False),
        ({"$where": "true"}, False),
    ],
    ids=str,
)
def test_filter(query: dict[str, Any], fits: bool) -> None:
    assert matches(ROW, query) is fits
