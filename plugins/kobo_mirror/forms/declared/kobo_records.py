"""The declaration of ``kobo_records``, the table of the Inkomoko survey."""

from __future__ import annotations

from kobo_mirror.forms.declared_form import Column, Form, Kind

KOBO_RECORDS = Form(
    "kobo_records",
    (
        Column("survey_date", "cd_survey_date", Kind.DATE, required=False),
        Column("unique_id", "sec_a/unique_id", indexed=True),
        Column("country", "sec_a/cd_biz_country_name"),
        Column("region", "sec_a/cd_biz_region_name"),
        Column("bda_name", "sec_b/bda_name"),
        Column("cohort", "sec_b/cd_cohort"),
        Column("program", "sec_b/cd_program"),
        Column("client_name", "sec_c/cd_client_name"),
        Column("client_id", "sec_c/cd_client_id_manifest"),
        Column("location", "sec_c/cd_location"),
        Column("phone", "sec_c/cd_clients_phone"),
        Column("alt_phone", "sec_c/cd_phoneno_alt_number", required=False),
        Column("phone_smart_feature", "sec_c/cd_clients_phone_smart_feature"),
        Column("gender", "sec_c/cd_gender"),
        Column("age", "sec_c/cd_age", Kind.INTEGER),
        Column("nationality", "sec_c/cd_nationality"),
        Column("strata", "sec_c/cd_strata"),
        Column("disability", "sec_c/cd_disability", default="No"),
        Column("education", "sec_c/cd_education"),
        Column("client_status", "sec_c/cd_client_status"),
        Column("sole_income_earner", "sec_c/cd_sole_income_earner", default="Yes"),
        Column("responsible_people", "sec_c/cd_howrespble_pple", Kind.INTEGER),
        Column("business_status", "group_mx5fl16/cd_biz_status"),
        Column("business_operating", "group_mx5fl16/bd_biz_operating", required=False),
        Column("submission_time", "_submission_time", Kind.DATETIME),
    ),
)
