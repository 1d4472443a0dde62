"""SHAPE: what a submission is as rows; knows neither HTTP nor a connection."""
