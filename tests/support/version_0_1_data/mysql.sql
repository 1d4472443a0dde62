CREATE TABLE `kobo_alembic_version` (
  `version_num` varchar(32) NOT NULL,
  PRIMARY KEY (`version_num`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO kobo_alembic_version (version_num) VALUES
('0003');
CREATE TABLE `kobo_checkpoints` (
  `asset_uid` varchar(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `run` bigint(20) NOT NULL,
  `lane` int(11) NOT NULL,
  `first_id` bigint(20) NOT NULL,
  `last_id` bigint(20) DEFAULT NULL,
  `cursor_id` bigint(20) NOT NULL,
  `done_at` datetime(6) DEFAULT NULL,
  PRIMARY KEY (`asset_uid`,`run`,`lane`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO kobo_checkpoints (asset_uid, run, lane, first_id, last_id, cursor_id, done_at) VALUES
('aInkomokoDemoSurvey001', 1, 0, 0, NULL, 412089, '2026-11-29 14:05:50.462462'),
('aInkomokoDemoSurvey001', 2, 0, 412089, NULL, 412089, '2026-11-29 14:05:50.572812'),
('aInkomokoDemoSurvey001', 3, 0, 0, NULL, 412036, NULL);
CREATE TABLE `kobo_dead_letters` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `received_at` datetime(6) NOT NULL,
  `source` varchar(100) NOT NULL,
  `reason` varchar(500) NOT NULL,
  `body` longblob NOT NULL,
  `attempts` int(11) NOT NULL,
  `replayed_at` datetime(6) DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO kobo_dead_letters (id, received_at, source, reason, body, attempts, replayed_at) VALUES
(1, '2026-11-29 14:05:50.647851', 'webhook', 'the body has no whole number _id, so it names no submission', x'7b2268656c6c6f223a20226e6f207375626d697373696f6e227d', 0, NULL);
CREATE TABLE `kobo_forms` (
  `form_table` varchar(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `server` varchar(255) NOT NULL,
  `asset_uid` varchar(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `fingerprint` binary(16) NOT NULL,
  `bound_at` datetime(6) NOT NULL,
  PRIMARY KEY (`form_table`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO kobo_forms (form_table, server, asset_uid, fingerprint, bound_at) VALUES
('kobo_records', 'https://kobo.example.org', 'aInkomokoDemoSurvey001', x'05bc9e48061b20d13815d1e49e54d729', '2026-11-29 14:05:50.403540');
CREATE TABLE `kobo_leases` (
  `asset_uid` varchar(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `holder` varchar(255) DEFAULT NULL,
  `fencing_number` bigint(20) NOT NULL,
  `since` datetime(6) DEFAULT NULL,
  `renewed_at` datetime(6) DEFAULT NULL,
  PRIMARY KEY (`asset_uid`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO kobo_leases (asset_uid, holder, fencing_number, since, renewed_at) VALUES
('aInkomokoDemoSurvey001', 'scheduled__2026-11-29T14:00:00+00:00', 7, '2026-11-29 13:05:50.666321', '2026-11-29 13:05:50.666321');
CREATE TABLE `kobo_proofs` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `asset_uid` varchar(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `started_at` datetime(6) NOT NULL,
  `finished_at` datetime(6) NOT NULL,
  `whole` tinyint(1) NOT NULL,
  `compared` bigint(20) NOT NULL,
  `missing` bigint(20) NOT NULL,
  `extra` bigint(20) NOT NULL,
  `stale` bigint(20) NOT NULL,
  `different` bigint(20) NOT NULL,
  `rejected` bigint(20) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE `kobo_records` (
  `id` binary(16) NOT NULL,
  `kobo_id` bigint(20) NOT NULL,
  `survey_date` date DEFAULT NULL,
  `unique_id` varchar(255) NOT NULL,
  `country` varchar(255) NOT NULL,
  `region` varchar(255) NOT NULL,
  `bda_name` varchar(255) NOT NULL,
  `cohort` varchar(255) NOT NULL,
  `program` varchar(255) NOT NULL,
  `client_name` varchar(255) NOT NULL,
  `client_id` varchar(255) NOT NULL,
  `location` varchar(255) NOT NULL,
  `phone` varchar(255) NOT NULL,
  `alt_phone` varchar(255) DEFAULT NULL,
  `phone_smart_feature` varchar(255) NOT NULL,
  `gender` varchar(255) NOT NULL,
  `age` int(11) NOT NULL,
  `nationality` varchar(255) NOT NULL,
  `strata` varchar(255) NOT NULL,
  `disability` varchar(255) NOT NULL DEFAULT 'No',
  `education` varchar(255) NOT NULL,
  `client_status` varchar(255) NOT NULL,
  `sole_income_earner` varchar(255) NOT NULL DEFAULT 'Yes',
  `responsible_people` int(11) NOT NULL,
  `business_status` varchar(255) NOT NULL,
  `business_operating` varchar(255) DEFAULT NULL,
  `submission_time` datetime NOT NULL,
  `inserted_at` datetime(6) NOT NULL DEFAULT current_timestamp(6),
  `updated_at` datetime(6) NOT NULL DEFAULT current_timestamp(6) ON UPDATE current_timestamp(6),
  PRIMARY KEY (`id`),
  UNIQUE KEY `kobo_id` (`kobo_id`),
  KEY `ix_kobo_records_unique_id` (`unique_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO kobo_records (id, kobo_id, survey_date, unique_id, country, region, bda_name, cohort, program, client_name, client_id, location, phone, alt_phone, phone_smart_feature, gender, age, nationality, strata, disability, education, client_status, sole_income_earner, responsible_people, business_status, business_operating, submission_time, inserted_at, updated_at) VALUES
(x'018fdc749150854581b1a396f06e02cc', 412002, '2024-06-03', 'U1afc-2', 'Kenya', 'Turkana', 'Mekdes T.', '2', 'Seed & Grow', 'Zawadi Odhiambo', 'M2906436', 'Eastleigh 1st Avenue', '+254 71 906 436', '+254 71 906 513', 'feature', 'female', 68, 'Kenyan', 'Host community', 'no', 'Primary', 'New', 'yes', 4, 'closed', 'no', '2024-06-03 04:56:18', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375'),
(x'018fdc76b430895a9f0bbbe7cd79c51b', 412007, '2024-06-03', 'U8abb-7', 'Ethiopia', 'Gambella', 'Hodan A.', '3', 'Seed & Grow', 'ማርታ ወልደ ሥላሴ', 'M15898206', 'ጅግጅጋ ከተማ', '+251 91 898 206', '+251 91 898 283', 'smart', 'female', 68, 'Ethiopian', 'Returnee', 'no', 'Secondary', 'Graduated', 'no', 2, 'planned', 'yes', '2024-06-03 04:58:38', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375'),
(x'018fdc775c288cfa9999f4c37e9bd68d', 412003, '2024-06-03', 'U9954-3', 'Ethiopia', 'Somali', 'Peter L.', '6', 'Refugee micro-business', 'ትዕግስት ገብረ መድኅን', 'M15667080', 'Kebribeyah camp', '+251 91 667 080', '+251 91 667 157', 'feature', 'female', 36, 'Ethiopian', 'Host community', 'no', 'Secondary', 'New', 'no', 5, 'active', 'yes', '2024-06-03 04:59:21', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375'),
(x'018fdc78bfa08a5ab913e73c2559a270', 412019, '2024-06-03', 'U8fe9-19', 'Ethiopia', 'Somali', 'Grace N.', '1', 'Refugee micro-business', 'ብርሃኑ ከበደ', 'M3167316', 'Kebribeyah camp', '+251 91 167 316', NULL, 'feature', 'male', 56, 'Ethiopian', 'IDP', 'no', 'Primary', 'New', 'no', 11, 'active', 'yes', '2024-06-03 05:00:52', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375'),
(x'018fdc7963b08a7b90f90792a66cc655', 412014, '2024-06-03', 'U2374-14', 'Rwanda', 'Eastern Province', 'Samuel O.', '5', 'Youth \"Kora\"', 'Jean-Bosco Mukamana', 'M3604878', 'Huye <access>', '+250 78 604 878', '+250 78 604 955', 'smart', 'male', 33, 'Rwandan', 'Returnee', 'no', 'None', 'New', 'Yes', 8, 'active', 'no', '2024-06-03 05:01:34', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375'),
(x'018fdc7b4fe087de811d31019cd8cfc5', 412023, '2024-06-03', 'Ub67d-23', 'South Sudan', 'Jonglei', 'Jean-Paul M.', '3', 'Youth \"Kora\"', 'دينق بول', 'M73166', 'Bor – جوبا', '+٢١١ ٩٢ ٠٧٣ ١٦٦', NULL, 'smart', 'male', 57, 'South Sudanese', 'Returnee', 'yes', 'Secondary', 'Continuing', 'Yes', 5, 'planned', 'yes', '2024-06-03 05:03:40', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375'),
(x'018fdc7c5d6884d19e093c21fe269467', 412024, '2024-06-03', 'Ud947-24', 'South Sudan', 'Jonglei', 'Samuel O.', '5', 'Jasiri', 'دينق أجاك', 'M4569137', 'Juba, Konyo Konyo', '+٢١١ ٩٢ ٥٦٩ ١٣٧', '+٢١١ ٩٢ ٥٦٩ ٢١٤', 'feature', 'male', 47, 'South Sudanese', 'IDP', 'no', 'Secondary', 'Continuing', 'yes', 0, 'active', 'no', '2024-06-03 05:04:49', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375'),
(x'018fdc7caf70883fbb9f9208dd6c77d3', 412031, '2024-06-03', 'Uad9b-31', 'Ethiopia', 'Gambella', 'Samuel O.', '1', 'Seed & Grow', 'ሰላማዊት ተስፋዬ', 'M5830908', 'Bole, አዲስ አበባ', '+251 91 830 908', '+251 91 830 985', 'smart', 'female', 75, 'Ethiopian', 'Refugee', 'yes', 'Vocational', 'New', 'no', 10, 'planned', 'yes', '2024-06-03 05:05:10', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375'),
(x'018fdc7cceb085a3bab397125bf166bb', 412027, '2024-06-03', 'U7957-27', 'Kenya', 'Nakuru', 'Samuel O.', '5', 'Youth \"Kora\"', 'Musa Cheruiyot', 'M13758305', 'Dadaab – Ifo', '+254 71 758 305', NULL, 'smart', 'male', 63, 'Kenyan', 'Returnee', 'no', 'None', 'Continuing', 'no', 12, 'closed', NULL, '2024-06-03 05:05:18', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375'),
(x'018fdc7efd4889869167727325c39dcf', 412036, '2024-06-03', 'Ube4f-36', 'Rwanda', 'Northern Province', 'ሙሉጌታ ደ.', '6', 'Youth \"Kora\"', 'Éric Uwimana', 'M594650', 'Nyabugogo market', '+250 78 594 650', '+250 78 594 727', 'smart', 'female', 31, 'Rwandan', 'Refugee', 'no', 'Vocational', 'Continuing', 'no', 8, 'closed', 'no', '2024-06-03 05:07:41', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375'),
(x'018fdc7f5ef087e084bab5d41b9b96e0', 412040, '2024-06-03', 'U2872-40', 'Rwanda', 'Western Province', 'Peter L.', '6', 'Refugee micro-business', 'Éric Ingabire', 'M401610', 'Kiziba camp, zone 3', '+250 78 401 610', '+250 78 401 687', 'feature', 'male', 49, 'Rwandan', 'Host community', 'no', 'University', 'Continuing', 'yes', 10, 'planned', 'yes', '2024-06-03 05:08:06', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375'),
(x'018fdc7fd0388a1e8bbf14e94aaac9db', 412035, '2024-06-03', 'Uc00a-35', 'South Sudan', 'Central Equatoria', 'Hodan A.', '5', 'Seed & Grow', 'دينق مالوال', 'M7125753', 'Bor – جوبا', '+٢١١ ٩٢ ١٢٥ ٧٥٣', NULL, 'smart', 'female', 66, 'South Sudanese', 'Refugee', 'no', 'Vocational', 'New', 'yes', 0, 'planned', NULL, '2024-06-03 05:08:35', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375'),
(x'018fdc7fe7a884f4a9115d4b19e16723', 412047, '2024-06-03', 'Uacb8-47', 'South Sudan', 'Jonglei', 'ሙሉጌታ ደ.', '6', 'Jasiri', 'عبد الله ماجوك', 'M13453212', 'Malakal PoC', '+٢١١ ٩٢ ٤٥٣ ٢١٢', NULL, 'feature', 'male', 76, 'South Sudanese', 'Host community', 'No', 'Vocational', 'Continuing', 'Yes', 2, 'closed', 'yes', '2024-06-03 05:08:41', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375'),
(x'018fdc8147388bff9957950452bb8b7e', 412052, '2024-06-03', 'Ue0a9-52', 'DR Congo', 'Sud-Kivu', 'Chantal U.', '2', 'Seed & Grow', 'Blaise Mbuyi', 'M13284164', 'Goma, Virunga', '+243 99 284 164', NULL, 'feature', 'female', 18, 'Congolese', 'IDP', 'no', 'None', 'New', 'no', 4, 'planned', 'yes', '2024-06-03 05:10:11', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375'),
(x'018fdc819d2885e29ec0e9d8c6268584', 412043, '2024-06-03', 'U470c-43', 'Kenya', 'Turkana', 'Samuel O.', '1', 'Seed & Grow', 'Ekai Lokwang', 'M16274144', 'Kakuma 1, block 7', '+254 71 274 144', NULL, 'feature', 'female', 54, 'Kenyan', 'IDP', 'no', 'Primary', 'Continuing', 'yes', 11, 'active', NULL, '2024-06-03 05:10:33', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375'),
(x'018fdc819d2888ec8cf7cfed46f7d1cb', 412059, '2024-06-03', 'Uc3fc-59', 'Rwanda', 'Kigali', 'ሙሉጌታ ደ.', '4', 'Refugee micro-business', 'Éric Nshimiyimana', 'M8863957', 'Nyabugogo market', '+250 78 863 957', '+250 78 864 034', 'smart', 'male', 42, 'Rwandan', 'Returnee', 'no', 'Secondary', 'New', 'yes', 5, 'planned', 'yes', '2024-06-03 05:10:33', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375'),
(x'018fdc8202b88b72a390cae805a79cfe', 412048, '2024-06-03', 'U8c3d-48', 'Rwanda', 'Northern Province', 'Jean-Paul M.', '5', 'Jasiri', 'Aline Umutoni', 'M13865018', 'Kiziba camp, zone 3', '+250 78 865 018', '+250 78 865 095', 'smart', 'male', 59, 'Rwandan', 'Refugee', 'no', 'Vocational', 'Continuing', 'no', 0, 'active', 'yes', '2024-06-03 05:10:59', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375'),
(x'018fdc8268488b709795a7ff91676694', 412060, '2024-06-03', 'Ub8d7-60', 'DR Congo', 'Nord-Kivu', 'Samuel O.', '1', 'Seed & Grow', 'Désiré Kabongo', 'M3066994', 'Bukavu – Kadutu', '+243 99 066 994', '+243 99 067 071', 'smart', 'female', 76, 'Congolese', 'Refugee', 'no', 'Primary', 'New', 'Yes', 7, 'planned', 'yes', '2024-06-03 05:11:25', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375'),
(x'018fdc82c22088dd881dbbd6376edd8a', 412056, '2024-06-03', 'U7284-56', 'DR Congo', 'Nord-Kivu', 'Mekdes T.', '2', 'Seed & Grow', 'Désiré Tshisekedi wa M.', 'M16200863', 'Goma, Virunga', '+243 99 200 863', NULL, 'feature', 'female', 47, 'Congolese', 'Host community', 'no', 'Secondary', 'New', 'Yes', 4, 'active', NULL, '2024-06-03 05:11:48', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375'),
(x'018fdc84f0b88a56863669a367b474ff', 412064, '2024-06-03', 'Ub86d-64', 'DR Congo', 'Nord-Kivu', 'Samuel O.', '5', 'Youth \"Kora\"', 'Blaise Mbuyi', 'M7024008', 'Uvira', '+243 99 024 008', '+243 99 024 085', 'smart', 'male', 66, 'Congolese', 'Returnee', 'no', 'Vocational', 'Graduated', 'yes', 12, 'closed', 'yes', '2024-06-03 05:14:11', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375'),
(x'018fdc8513e08fe3b0c32da59b80359e', 412073, '2024-06-03', 'U3deb-73', 'Kenya', 'Nairobi', 'ሙሉጌታ ደ.', '4', 'Refugee micro-business', 'Wanjiku Njoroge', 'M11814686', 'Dadaab – Ifo', '+254 71 814 686', NULL, 'feature', 'female', 18, 'Kenyan', 'IDP', 'no', 'None', 'Graduated', 'yes', 2, 'active', 'no', '2024-06-03 05:14:20', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375'),
(x'018fdc851f988e09af9cdaa9b5488bbc', 412069, '2024-06-03', 'Ua3ac-69', 'Ethiopia', 'Addis Ababa', 'Samuel O.', '5', 'Youth \"Kora\"', 'ትዕግስት ገብረ መድኅን', 'M15245097', 'Kebribeyah camp', '+251 91 245 097', '+251 91 245 174', 'smart', 'female', 70, 'Ethiopian', 'Refugee', 'no', 'Primary', 'Continuing', 'Yes', 8, 'active', 'no', '2024-06-03 05:14:23', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375'),
(x'018fdc869e688b9385c6f673885c7c7f', 412068, '2024-06-03', 'U583b-68', 'Ethiopia', 'Somali', 'Chantal U.', '4', 'Youth \"Kora\"', 'ሰላማዊት ወልደ ሥላሴ', 'M13558541', 'ጋምቤላ', '+251 91 558 541', '+251 91 558 618', 'smart', 'female', 19, 'Ethiopian', 'Returnee', 'no', 'Primary', 'New', 'no', 6, 'closed', 'no', '2024-06-03 05:16:01', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375'),
(x'018fdc8780f885798127852721b4d288', 412076, '2024-06-03', 'U2979-76', 'Kenya', 'Nairobi', 'Chantal U.', '6', 'Seed & Grow', 'Kipchoge Odhiambo', 'M4768062', 'Eastleigh 1st Avenue', '+254 71 768 062', '+254 71 768 139', 'smart', 'male', 23, 'Kenyan', 'Refugee', 'no', 'Primary', 'New', 'Yes', 12, 'active', 'no', '2024-06-03 05:16:59', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375'),
(x'018fdc88677089b3b6d66dffe567f27e', 412085, '2024-06-03', 'Ucac5-85', 'South Sudan', 'Jonglei', 'Chantal U.', '2', 'Refugee micro-business', 'نيانداك أجاك', 'M11324300', 'Juba, Konyo Konyo', '+٢١١ ٩٢ ٣٢٤ ٣٠٠', '+٢١١ ٩٢ ٣٢٤ ٣٧٧', 'smart', 'female', 56, 'South Sudanese', 'Returnee', 'no', 'None', 'Graduated', 'Yes', 4, 'planned', NULL, '2024-06-03 05:17:58', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375'),
(x'018fdc8907988c05823b8c5d40185ac3', 412081, NULL, 'Ubf60-81', 'Kenya', 'Turkana', 'Samuel O.', '3', 'Refugee micro-business', 'Zawadi Lokwang', 'M2005506', 'Lodwar town', '+254 71 005 506', NULL, 'feature', 'male', 53, 'Kenyan', 'IDP', 'no', 'Secondary', 'Graduated', 'no', 2, 'planned', 'no', '2024-06-03 05:18:39', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375'),
(x'018fdc8971108024b9870a03878a8d2c', 412080, '2024-06-03', 'U2336-80', 'Rwanda', 'Northern Province', 'Mekdes T.', '4', 'Seed & Grow', 'Théogène Niyonzima', 'M12449382', 'Nyabugogo market', '+250 78 449 382', '+250 78 449 459', 'feature', 'female', 61, 'Rwandan', 'IDP', 'no', 'Secondary', 'New', 'yes', 12, 'closed', NULL, '2024-06-03 05:19:06', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375'),
(x'018fdc8b651083068561d36129023861', 412089, '2024-06-03', 'Ub33d-89', 'DR Congo', 'Nord-Kivu', 'Jean-Paul M.', '3', 'Youth \"Kora\"', 'Blaise Kabongo', 'M9848133', 'Uvira', '+243 99 848 133', '+243 99 848 210', 'smart', 'female', 28, 'Congolese', 'Refugee', 'no', 'University', 'Continuing', 'yes', 11, 'closed', 'yes', '2024-06-03 05:21:14', '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.470375');
CREATE TABLE `kobo_registrations` (
  `asset_uid` varchar(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `endpoint` varchar(500) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `way` varchar(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `hook_uid` varchar(80) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `secret_fingerprint` varchar(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `registered_at` datetime(6) NOT NULL,
  `failures_read_until` datetime(6) DEFAULT NULL,
  PRIMARY KEY (`asset_uid`,`endpoint`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE `kobo_rejections` (
  `asset_uid` varchar(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `kobo_id` bigint(20) NOT NULL,
  PRIMARY KEY (`asset_uid`,`kobo_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO kobo_rejections (asset_uid, kobo_id) VALUES
('aInkomokoDemoSurvey001', 412011);
CREATE TABLE `kobo_server_counts` (
  `asset_uid` varchar(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `submissions` bigint(20) NOT NULL,
  `counted_at` datetime(6) NOT NULL,
  PRIMARY KEY (`asset_uid`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO kobo_server_counts (asset_uid, submissions, counted_at) VALUES
('aInkomokoDemoSurvey001', 29, '2026-11-29 14:05:50.687414');
CREATE TABLE `kobo_submissions` (
  `asset_uid` varchar(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `kobo_id` bigint(20) NOT NULL,
  `uuid` varchar(80) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `root_uuid` varchar(80) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `previous_uuid` varchar(80) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `form_version` varchar(80) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `submission_time` datetime DEFAULT NULL,
  `submitted_by` varchar(255) DEFAULT NULL,
  `validation_status` varchar(80) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `validation_timestamp` bigint(20) DEFAULT NULL,
  `digest` binary(16) DEFAULT NULL,
  `row_digest` binary(16) DEFAULT NULL,
  `payload` longtext DEFAULT NULL,
  `state` varchar(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `reason` varchar(500) DEFAULT NULL,
  `pushed_at` datetime(6) DEFAULT NULL,
  `first_seen_at` datetime(6) NOT NULL,
  `deleted_at` datetime(6) DEFAULT NULL,
  PRIMARY KEY (`asset_uid`,`kobo_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO kobo_submissions (asset_uid, kobo_id, uuid, root_uuid, previous_uuid, form_version, submission_time, submitted_by, validation_status, validation_timestamp, digest, row_digest, payload, state, reason, pushed_at, first_seen_at, deleted_at) VALUES
('aInkomokoDemoSurvey001', 412002, 'c41ed99f-1472-41af-ac76-842c5944e10d', 'c41ed99f-1472-41af-ac76-842c5944e10d', NULL, 'v503789d074837bf3c5050', '2024-06-03 04:56:18', 'enumerator_add', NULL, NULL, x'6829e2ec103762cb25a923951651e32a', x'89a9ab77166dae8c6cd334e7a8dc63e7', NULL, 'applied', NULL, NULL, '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412003, '74031356-547b-4995-a44a-89ef0f88aa21', '74031356-547b-4995-a44a-89ef0f88aa21', NULL, 'v503789d074837bf3c5050', '2024-06-03 04:59:21', NULL, NULL, NULL, x'ff277f70a0f3380cf29753dc717bd418', x'584d27d874d018dade55eb71ecd3a7cd', NULL, 'applied', NULL, NULL, '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412007, '3393fa33-549f-48ab-ab41-d1f2965ed630', '3393fa33-549f-48ab-ab41-d1f2965ed630', NULL, 'v503789d074837bf3c5050', '2024-06-03 04:58:38', NULL, NULL, NULL, x'facc603304b503a86320008ab90486b3', x'46da11f7c6c16b2247c4fedef38cc2e3', NULL, 'applied', NULL, NULL, '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412011, 'f324e110-54c3-4176-a818-e841e51de2ad', 'f324e110-54c3-4176-a818-e841e51de2ad', NULL, 'v503789d074837bf3c5050', '2024-06-03 05:01:01', 'enumerator_add', NULL, NULL, x'a899f69b1eb4c073b3015994bb297ce1', NULL, '{\"_id\":412011,\"formhub/uuid\":\"5eed0a11c0de4b0b8a7c0d15ea5e0001\",\"start\":\"2024-06-03T07:34:09.273+03:00\",\"end\":\"2024-06-03T07:59:37.000+03:00\",\"cd_survey_date\":\"2024-06-03\",\"sec_a/cd_biz_country_name\":\"Ethiopia\",\"sec_a/cd_biz_region_name\":\"Gambella\",\"sec_b/bda_name\":\"Samuel O.\",\"sec_b/cd_cohort\":\"5\",\"sec_b/cd_program\":\"Youth \\\"Kora\\\"\",\"sec_c/cd_client_name\":\"ሐና ወልደ ሥላሴ\",\"sec_c/cd_client_id_manifest\":\"M4318493\",\"sec_c/cd_location\":\"Bole, አዲስ አበባ\",\"sec_c/cd_clients_phone\":\"+251 91 318 493\",\"sec_c/cd_phoneno_alt_number\":\"+251 91 318 570\",\"sec_c/cd_clients_phone_smart_feature\":\"smart\",\"sec_c/cd_gender\":\"female\",\"sec_c/cd_age\":\"67\",\"sec_c/cd_nationality\":\"Ethiopian\",\"sec_c/cd_strata\":\"Refugee\",\"sec_c/cd_disability\":\"no\",\"sec_c/cd_education\":\"University\",\"sec_c/cd_client_status\":\"Continuing\",\"sec_c/cd_sole_income_earner\":\"yes\",\"sec_c/cd_howrespble_pple\":\"8\",\"group_mx5fl16/cd_biz_status\":\"active\",\"group_mx5fl16/bd_biz_operating\":\"yes\",\"members\":[{\"members/name\":\"Member 1\",\"members/age\":\"3\"}],\"cd_needs\":\"cash\",\"cd_gps\":\"9.576 42.574 1426 5\",\"__version__\":\"v503789d074837bf3c5050\",\"meta/instanceID\":\"uuid:f324e110-54c3-4176-a818-e841e51de2ad\",\"_xform_id_string\":\"aInkomokoDemoSurvey001\",\"_uuid\":\"f324e110-54c3-4176-a818-e841e51de2ad\",\"meta/rootUuid\":\"uuid:f324e110-54c3-4176-a818-e841e51de2ad\",\"_attachments\":[],\"_status\":\"submitted_via_web\",\"_geolocation\":[9.576,42.574],\"_submission_time\":\"2024-06-03T05:01:01\",\"_validation_status\":{},\"_submitted_by\":\"enumerator_add\"}', 'rejected', 'unique_id: the answer to sec_a/unique_id is missing', NULL, '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412014, '02d18e36-14de-4237-a4dd-8037018e8aa5', '02d18e36-14de-4237-a4dd-8037018e8aa5', NULL, 'v503789d074837bf3c5050', '2024-06-03 05:01:34', 'enumerator_kgl', NULL, NULL, x'082595cb1916ba1ccd137ce546534850', x'd8e5e992f903b14f34802519061174db', NULL, 'applied', NULL, NULL, '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412015, 'b2b5c7ed-54e7-4e67-ae01-da0bcf102383', 'b2b5c7ed-54e7-4e67-ae01-da0bcf102383', NULL, 'v503789d074837bf3c5050', '2024-06-03 05:01:39', NULL, NULL, NULL, NULL, NULL, NULL, 'deleted', NULL, NULL, '2026-11-29 14:05:50.460860', '2026-11-29 14:05:50.620838'),
('aInkomokoDemoSurvey001', 412019, '7246aeca-550b-48fe-a971-5030545412be', '7246aeca-550b-48fe-a971-5030545412be', NULL, 'v503789d074837bf3c5050', '2024-06-03 05:00:52', 'enumerator_add', NULL, NULL, x'ca28fe444f40be76ffea9f897cb567d3', x'8c28e6ef62cfc3dd4dbad92effdcbe9f', NULL, 'applied', NULL, NULL, '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412023, '31d795a7-552f-4b67-adec-a9011dcec6ef', '31d795a7-552f-4b67-adec-a9011dcec6ef', NULL, 'v503789d074837bf3c5050', '2024-06-03 05:03:40', 'enumerator_add', NULL, NULL, x'f3341138bb6b6f7c3a5914ebc7743114', x'33b3b546675a8d9df1bf060a8db04c93', NULL, 'applied', NULL, '2026-11-29 14:05:50.650434', '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412024, 'e1bbcf5e-9538-4d94-a7d7-4e45b831851c', 'e1bbcf5e-9538-4d94-a7d7-4e45b831851c', NULL, 'v503789d074837bf3c5050', '2024-06-03 05:04:49', 'enumerator_add', NULL, NULL, x'804220e6556a8d109d321d8cf74b4397', x'05c33df80f9fc1b2192bcc9d481b9487', NULL, 'applied', NULL, NULL, '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412027, 'f1687c84-5553-4795-a741-49d1ef612e40', 'f1687c84-5553-4795-a741-49d1ef612e40', NULL, 'v503789d074837bf3c5050', '2024-06-03 05:05:18', 'enumerator_add', NULL, NULL, x'bff5f63ad9e78642109e1675033d981b', x'540e7ad6739d859cb340ce271165cc73', NULL, 'applied', NULL, NULL, '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412031, 'b0f96361-5577-4ad9-ab28-1958f8fccf1f', 'b0f96361-5577-4ad9-ab28-1958f8fccf1f', NULL, 'v503789d074837bf3c5050', '2024-06-03 05:05:10', 'enumerator_jub', NULL, NULL, x'886892ac1246ec1bf0b151db49ee286c', x'7ebc0b4f51ed343eb6d7d37ed8a8d7e5', NULL, 'applied', NULL, NULL, '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412035, '708a4a3e-559b-4c00-aac8-746cbaf9e37c', '708a4a3e-559b-4c00-aac8-746cbaf9e37c', NULL, 'v503789d074837bf3c5050', '2024-06-03 05:08:35', 'enumerator_kgl', NULL, NULL, x'b4576679a92ac98de5afa615f5f44ba3', x'35e211a9b9dcef80a593f9168cf0b7c3', NULL, 'applied', NULL, NULL, '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412036, '206e83f5-95a4-4be4-af91-340912da4162', '206e83f5-95a4-4be4-af91-340912da4162', NULL, 'v503789d074837bf3c5050', '2024-06-03 05:07:41', 'enumerator_jub', NULL, NULL, x'7330c87dc05fb2e5b25931212e5f45b1', x'b12fe58187dd96ca086eb9149ad00188', NULL, 'applied', NULL, NULL, '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412040, 'dfff6ad2-95c8-4287-a2e4-8f0620ca7ee5', 'dfff6ad2-95c8-4287-a2e4-8f0620ca7ee5', NULL, 'v503789d074837bf3c5050', '2024-06-03 05:08:06', 'enumerator_nbo', NULL, NULL, x'3914bb52c58b452aae26fe34f9d11ab1', x'5ef17aff91b83be86e48e6feeb1ca038', NULL, 'applied', NULL, NULL, '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412043, 'efac17f8-55e3-4470-aca4-3cf852e01c10', 'efac17f8-55e3-4470-aca4-3cf852e01c10', NULL, 'v503789d074837bf3c5050', '2024-06-03 05:10:33', 'enumerator_nbo', NULL, NULL, x'b85e600bf2462c3f9f4d979cefba5c03', x'd6b49a7a1ff13deff4e27a7bb9e77058', NULL, 'applied', NULL, NULL, '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412047, 'af3cfed5-5607-4acb-a831-74cd479c9636', 'af3cfed5-5607-4acb-a831-74cd479c9636', NULL, 'v503789d074837bf3c5050', '2024-06-03 05:08:41', 'enumerator_kgl', NULL, NULL, x'57a2a463cfb624bcbe023d4e5b4aad31', x'4a4d917906c6c0482a40bb0872762ce5', NULL, 'applied', NULL, NULL, '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412048, '5f21388c-9610-48c3-ad33-b2d3903a574c', '5f21388c-9610-48c3-ad33-b2d3903a574c', NULL, 'v503789d074837bf3c5050', '2024-06-03 05:10:59', 'enumerator_add', NULL, NULL, x'14bddf4ea7fae2632a918c53532a1c1e', x'f5080322b703a5162cbc165042e80a73', NULL, 'applied', NULL, NULL, '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412052, '1eb21f69-9634-4e0a-a905-e2cab344ec77', '1eb21f69-9634-4e0a-a905-e2cab344ec77', NULL, 'v503789d074837bf3c5050', '2024-06-03 05:10:11', 'enumerator_add', NULL, NULL, x'c80e25b405861daf7ab907a98f3d79de', x'aab3a574582cfc61b3016639afdff2ad', NULL, 'applied', NULL, NULL, '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412056, 'de430646-9658-4728-a44e-3af7349f8b8a', 'de430646-9658-4728-a44e-3af7349f8b8a', NULL, 'v503789d074837bf3c5050', '2024-06-03 05:11:48', 'enumerator_nbo', NULL, NULL, x'897ad0227172b613dd5b8135293e6c37', x'9d57054080abb3a0eb1ccca546d4e4a7', NULL, 'applied', NULL, NULL, '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412059, 'edefb36c-5673-4c3f-ac40-b68740d56a83', 'edefb36c-5673-4c3f-ac40-b68740d56a83', NULL, 'v503789d074837bf3c5050', '2024-06-03 05:10:33', 'enumerator_add', NULL, NULL, x'47ee42c22f32f30a9cdcf6fffef380d1', x'd379014ec53f99c024e5c4da1aca6753', NULL, 'applied', NULL, NULL, '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412060, '9dd3ed23-967c-4b8d-a773-0a2ecc72deda', '9dd3ed23-967c-4b8d-a773-0a2ecc72deda', NULL, 'v503789d074837bf3c5050', '2024-06-03 05:11:25', 'enumerator_add', NULL, NULL, x'5e812713938872d79357254145e21aad', x'31439ba1e9dd74fb0284d70c4d2cbf80', NULL, 'applied', NULL, NULL, '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412064, '5d64d400-96a0-4b86-adb5-b96b2d88933b', '5d64d400-96a0-4b86-adb5-b96b2d88933b', NULL, 'v503789d074837bf3c5050', '2024-06-03 05:14:11', NULL, NULL, NULL, x'edf89f674384e3059a0b130c25588359', x'0f18af385f864a7d6210a136c8110e3e', NULL, 'applied', NULL, NULL, '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412068, '1cf5badd-96c4-4583-ab50-efcee30d9986', '1cf5badd-96c4-4583-ab50-efcee30d9986', NULL, 'v503789d074837bf3c5050', '2024-06-03 05:16:01', 'enumerator_nbo', NULL, NULL, x'ebf8e1436ce9b9750bf4aad78c58cfcd', x'f39f5647d86e4d750657d1cd5bc00dba', NULL, 'applied', NULL, NULL, '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412069, 'ccd9f494-d6cd-4a3a-ac77-a2e89f2998c7', 'ccd9f494-d6cd-4a3a-ac77-a2e89f2998c7', NULL, 'v503789d074837bf3c5050', '2024-06-03 05:14:23', 'enumerator_add', NULL, NULL, x'ef94de4385bf4ce01b3ee80cb3c496fc', x'cf7e0018f74de4570fdee00d09b178c7', NULL, 'applied', NULL, NULL, '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412073, '8c6adb71-d6f1-43de-ab60-85b4471e1f2a', '8c6adb71-d6f1-43de-ab60-85b4471e1f2a', NULL, 'v503789d074837bf3c5050', '2024-06-03 05:14:20', 'enumerator_kgl', NULL, NULL, x'8a92eeb92e6cae496d11675d1beab26d', x'649008e14fe34aab80ce66d93bd0a7b3', NULL, 'applied', NULL, NULL, '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412076, '9c178897-970c-4297-a918-7c48c13e0731', '9c178897-970c-4297-a918-7c48c13e0731', NULL, 'v503789d074837bf3c5050', '2024-06-03 05:16:59', 'enumerator_jub', NULL, NULL, x'aae4b562a3da4a3333deb00fabf78f41', x'8b1b1fa7985f3328c87deb8d58ab9f43', NULL, 'applied', NULL, NULL, '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412080, '5ba86f74-9730-4233-a692-13bdf666f586', '5ba86f74-9730-4233-a692-13bdf666f586', NULL, 'v503789d074837bf3c5050', '2024-06-03 05:19:06', 'enumerator_kgl', NULL, NULL, x'8b807b1007394656e1eb7c4cf297569c', x'c60660d5751e5e04928d8a98be851e7f', NULL, 'applied', NULL, NULL, '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412081, '0b8ca92b-d739-4bf6-a0e6-d71e9a02e7fc', '0b8ca92b-d739-4bf6-a0e6-d71e9a02e7fc', NULL, 'v503789d074837bf3c5050', '2024-06-03 05:18:39', 'enumerator_add', NULL, NULL, x'12ffcd7f3db957608a5b6e0387d51281', x'bd40cd6cdaf3565a17d5a4b65394c012', NULL, 'applied', NULL, NULL, '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412085, 'cb1d9008-d75d-4cac-a517-8baccb8c1d36', 'cb1d9008-d75d-4cac-a517-8baccb8c1d36', NULL, 'v503789d074837bf3c5050', '2024-06-03 05:17:58', 'enumerator_jub', NULL, NULL, x'1cf7a0bcc7b063e560f14c9dc8b530b7', x'32d7eb43ee57d33bc561149a71407a89', NULL, 'applied', NULL, NULL, '2026-11-29 14:05:50.460860', NULL),
('aInkomokoDemoSurvey001', 412089, '8aae76e5-d781-4b33-adeb-4d964545886d', '8aae76e5-d781-4b33-adeb-4d964545886d', NULL, 'v503789d074837bf3c5050', '2024-06-03 05:21:14', 'enumerator_add', NULL, NULL, x'dfe3e1b5456f54e6b0a6ce3b48874e98', x'111e5ee87c4d2e4852d217619fffdad8', NULL, 'applied', NULL, NULL, '2026-11-29 14:05:50.460860', NULL);
CREATE TABLE `kobo_sync_runs` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `asset_uid` varchar(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `name` varchar(255) NOT NULL,
  `mode` varchar(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `started_at` datetime(6) NOT NULL,
  `finished_at` datetime(6) DEFAULT NULL,
  `watermark` bigint(20) DEFAULT NULL,
  `highest_id` bigint(20) DEFAULT NULL,
  `rows_read` bigint(20) NOT NULL DEFAULT 0,
  `inserted` bigint(20) NOT NULL DEFAULT 0,
  `updated` bigint(20) NOT NULL DEFAULT 0,
  `unchanged` bigint(20) NOT NULL DEFAULT 0,
  `stale` bigint(20) NOT NULL DEFAULT 0,
  `deferred` bigint(20) NOT NULL DEFAULT 0,
  `deleted` bigint(20) NOT NULL DEFAULT 0,
  `revived` bigint(20) NOT NULL DEFAULT 0,
  `rejected` bigint(20) NOT NULL DEFAULT 0,
  `requests` bigint(20) NOT NULL DEFAULT 0,
  `bytes` bigint(20) NOT NULL DEFAULT 0,
  `sweep_found` bigint(20) DEFAULT NULL,
  `history` varchar(30) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `history_found` bigint(20) DEFAULT NULL,
  `history_until` datetime DEFAULT NULL,
  `confirmed` varchar(16) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL,
  `error` varchar(500) DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO kobo_sync_runs (id, asset_uid, name, mode, started_at, finished_at, watermark, highest_id, rows_read, inserted, updated, unchanged, stale, deferred, deleted, revived, rejected, requests, bytes, sweep_found, history, history_found, history_until, confirmed, error) VALUES
(1, 'aInkomokoDemoSurvey001', 'sync (process 4711 on kobo)', 'exact', '2026-11-29 14:05:50.428645', '2026-11-29 14:05:50.518535', 0, 412089, 30, 29, 0, 0, 0, 0, 0, 0, 1, 5, 10234, 0, 'read from now on', 0, '2026-11-29 14:05:50', NULL, NULL),
(2, 'aInkomokoDemoSurvey001', 'sync (process 4711 on kobo)', 'exact', '2026-11-29 14:05:50.550761', '2026-11-29 14:05:50.635810', 412089, 412089, 0, 0, 0, 0, 0, 0, 1, 0, 0, 10, 8505, 1, 'read from now on', 0, '2026-11-29 14:05:50', NULL, NULL),
(3, 'aInkomokoDemoSurvey001', 'scheduled__2026-11-29T14:00:00+00:00', 'exact', '2026-11-29 14:05:50.695537', NULL, 0, 412036, 12, 0, 0, 12, 0, 0, 0, 0, 0, 2, 7438, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE `kobo_tallies` (
  `asset_uid` varchar(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `day` date NOT NULL,
  `way` varchar(6) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `slot` int(11) NOT NULL,
  `arrived` bigint(20) NOT NULL,
  `applied` bigint(20) NOT NULL,
  `rejected` bigint(20) NOT NULL,
  `deleted` bigint(20) NOT NULL,
  PRIMARY KEY (`asset_uid`,`day`,`way`,`slot`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO kobo_tallies (asset_uid, day, way, slot, arrived, applied, rejected, deleted) VALUES
('aInkomokoDemoSurvey001', '2026-11-29', 'pulled', 11, 30, 28, 1, 1);
CREATE TABLE `kobo_to_fetch` (
  `asset_uid` varchar(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `kind` varchar(4) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `ref` varchar(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  `reason` varchar(100) NOT NULL,
  `asked_at` datetime(6) NOT NULL,
  `attempts` int(11) NOT NULL,
  PRIMARY KEY (`asset_uid`,`kind`,`ref`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO kobo_to_fetch (asset_uid, kind, ref, reason, asked_at, attempts) VALUES
('aInkomokoDemoSurvey001', 'id', '412023', 'undecidable', '2026-11-29 14:05:50.651536', 0);
CREATE VIEW `kobo_rejected` AS select `kobo_submissions`.`asset_uid` AS `asset_uid`,`kobo_submissions`.`kobo_id` AS `kobo_id`,`kobo_submissions`.`reason` AS `reason`,`kobo_submissions`.`submission_time` AS `submission_time`,`kobo_submissions`.`first_seen_at` AS `first_seen_at`,`kobo_submissions`.`payload` AS `payload` from `kobo_submissions` where `kobo_submissions`.`state` = 'rejected';
