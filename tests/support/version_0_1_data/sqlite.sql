BEGIN TRANSACTION;
CREATE TABLE kobo_alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT kobo_alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "kobo_alembic_version" VALUES('0003');
CREATE TABLE kobo_checkpoints (
	asset_uid VARCHAR(40) NOT NULL, 
	run BIGINT NOT NULL, 
	lane INTEGER NOT NULL, 
	first_id BIGINT NOT NULL, 
	last_id BIGINT, 
	cursor_id BIGINT NOT NULL, 
	done_at DATETIME, 
	PRIMARY KEY (asset_uid, run, lane)
);
INSERT INTO "kobo_checkpoints" VALUES('aInkomokoDemoSurvey001',1,0,0,NULL,412089,'2026-11-29 14:05:48.127792');
INSERT INTO "kobo_checkpoints" VALUES('aInkomokoDemoSurvey001',2,0,412089,NULL,412089,'2026-11-29 14:05:48.225255');
INSERT INTO "kobo_checkpoints" VALUES('aInkomokoDemoSurvey001',3,0,0,NULL,412036,NULL);
CREATE TABLE kobo_dead_letters (
	id INTEGER NOT NULL, 
	received_at DATETIME NOT NULL, 
	source VARCHAR(100) NOT NULL, 
	reason VARCHAR(500) NOT NULL, 
	body BLOB NOT NULL, 
	attempts INTEGER NOT NULL, 
	replayed_at DATETIME, 
	PRIMARY KEY (id)
);
INSERT INTO "kobo_dead_letters" VALUES(1,'2026-11-29 14:05:48.282517','webhook','the body has no whole number _id, so it names no submission',X'7B2268656C6C6F223A20226E6F207375626D697373696F6E227D',0,NULL);
CREATE TABLE kobo_forms (
	form_table VARCHAR(64) NOT NULL, 
	server VARCHAR(255) NOT NULL, 
	asset_uid VARCHAR(40) NOT NULL, 
	fingerprint BINARY(16) NOT NULL, 
	bound_at DATETIME NOT NULL, 
	PRIMARY KEY (form_table)
);
INSERT INTO "kobo_forms" VALUES('kobo_records','https://kobo.example.org','aInkomokoDemoSurvey001',X'05BC9E48061B20D13815D1E49E54D729','2026-11-29 14:05:48.058874');
CREATE TABLE kobo_leases (
	asset_uid VARCHAR(40) NOT NULL, 
	holder VARCHAR(255), 
	fencing_number BIGINT NOT NULL, 
	since DATETIME, 
	renewed_at DATETIME, 
	PRIMARY KEY (asset_uid)
);
INSERT INTO "kobo_leases" VALUES('aInkomokoDemoSurvey001','scheduled__2026-11-29T14:00:00+00:00',7,'2026-11-29 13:05:48.293161','2026-11-29 13:05:48.293173');
CREATE TABLE kobo_proofs (
	id INTEGER NOT NULL, 
	asset_uid VARCHAR(40) NOT NULL, 
	started_at DATETIME NOT NULL, 
	finished_at DATETIME NOT NULL, 
	whole BOOLEAN NOT NULL, 
	compared BIGINT NOT NULL, 
	missing BIGINT NOT NULL, 
	extra BIGINT NOT NULL, 
	stale BIGINT NOT NULL, 
	different BIGINT NOT NULL, 
	rejected BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE kobo_records (
	id BINARY(16) NOT NULL, 
	kobo_id BIGINT NOT NULL, 
	survey_date DATE, 
	unique_id VARCHAR(255) NOT NULL, 
	country VARCHAR(255) NOT NULL, 
	region VARCHAR(255) NOT NULL, 
	bda_name VARCHAR(255) NOT NULL, 
	cohort VARCHAR(255) NOT NULL, 
	program VARCHAR(255) NOT NULL, 
	client_name VARCHAR(255) NOT NULL, 
	client_id VARCHAR(255) NOT NULL, 
	location VARCHAR(255) NOT NULL, 
	phone VARCHAR(255) NOT NULL, 
	alt_phone VARCHAR(255), 
	phone_smart_feature VARCHAR(255) NOT NULL, 
	gender VARCHAR(255) NOT NULL, 
	age INTEGER NOT NULL, 
	nationality VARCHAR(255) NOT NULL, 
	strata VARCHAR(255) NOT NULL, 
	disability VARCHAR(255) DEFAULT 'No' NOT NULL, 
	education VARCHAR(255) NOT NULL, 
	client_status VARCHAR(255) NOT NULL, 
	sole_income_earner VARCHAR(255) DEFAULT 'Yes' NOT NULL, 
	responsible_people INTEGER NOT NULL, 
	business_status VARCHAR(255) NOT NULL, 
	business_operating VARCHAR(255), 
	submission_time DATETIME NOT NULL, 
	inserted_at DATETIME DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now')) NOT NULL, 
	updated_at DATETIME DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now')) NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (kobo_id)
);
INSERT INTO "kobo_records" VALUES(X'018FDC749150854581B1A396F06E02CC',412002,'2024-06-03','U1afc-2','Kenya','Turkana','Mekdes T.','2','Seed & Grow','Zawadi Odhiambo','M2906436','Eastleigh 1st Avenue','+254 71 906 436','+254 71 906 513','feature','female',68,'Kenyan','Host community','no','Primary','New','yes',4,'closed','no','2024-06-03 04:56:18.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
INSERT INTO "kobo_records" VALUES(X'018FDC775C288CFA9999F4C37E9BD68D',412003,'2024-06-03','U9954-3','Ethiopia','Somali','Peter L.','6','Refugee micro-business','ትዕግስት ገብረ መድኅን','M15667080','Kebribeyah camp','+251 91 667 080','+251 91 667 157','feature','female',36,'Ethiopian','Host community','no','Secondary','New','no',5,'active','yes','2024-06-03 04:59:21.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
INSERT INTO "kobo_records" VALUES(X'018FDC76B430895A9F0BBBE7CD79C51B',412007,'2024-06-03','U8abb-7','Ethiopia','Gambella','Hodan A.','3','Seed & Grow','ማርታ ወልደ ሥላሴ','M15898206','ጅግጅጋ ከተማ','+251 91 898 206','+251 91 898 283','smart','female',68,'Ethiopian','Returnee','no','Secondary','Graduated','no',2,'planned','yes','2024-06-03 04:58:38.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
INSERT INTO "kobo_records" VALUES(X'018FDC7963B08A7B90F90792A66CC655',412014,'2024-06-03','U2374-14','Rwanda','Eastern Province','Samuel O.','5','Youth "Kora"','Jean-Bosco Mukamana','M3604878','Huye <access>','+250 78 604 878','+250 78 604 955','smart','male',33,'Rwandan','Returnee','no','None','New','Yes',8,'active','no','2024-06-03 05:01:34.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
INSERT INTO "kobo_records" VALUES(X'018FDC78BFA08A5AB913E73C2559A270',412019,'2024-06-03','U8fe9-19','Ethiopia','Somali','Grace N.','1','Refugee micro-business','ብርሃኑ ከበደ','M3167316','Kebribeyah camp','+251 91 167 316',NULL,'feature','male',56,'Ethiopian','IDP','no','Primary','New','no',11,'active','yes','2024-06-03 05:00:52.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
INSERT INTO "kobo_records" VALUES(X'018FDC7B4FE087DE811D31019CD8CFC5',412023,'2024-06-03','Ub67d-23','South Sudan','Jonglei','Jean-Paul M.','3','Youth "Kora"','دينق بول','M73166','Bor – جوبا','+٢١١ ٩٢ ٠٧٣ ١٦٦',NULL,'smart','male',57,'South Sudanese','Returnee','yes','Secondary','Continuing','Yes',5,'planned','yes','2024-06-03 05:03:40.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
INSERT INTO "kobo_records" VALUES(X'018FDC7C5D6884D19E093C21FE269467',412024,'2024-06-03','Ud947-24','South Sudan','Jonglei','Samuel O.','5','Jasiri','دينق أجاك','M4569137','Juba, Konyo Konyo','+٢١١ ٩٢ ٥٦٩ ١٣٧','+٢١١ ٩٢ ٥٦٩ ٢١٤','feature','male',47,'South Sudanese','IDP','no','Secondary','Continuing','yes',0,'active','no','2024-06-03 05:04:49.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
INSERT INTO "kobo_records" VALUES(X'018FDC7CCEB085A3BAB397125BF166BB',412027,'2024-06-03','U7957-27','Kenya','Nakuru','Samuel O.','5','Youth "Kora"','Musa Cheruiyot','M13758305','Dadaab – Ifo','+254 71 758 305',NULL,'smart','male',63,'Kenyan','Returnee','no','None','Continuing','no',12,'closed',NULL,'2024-06-03 05:05:18.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
INSERT INTO "kobo_records" VALUES(X'018FDC7CAF70883FBB9F9208DD6C77D3',412031,'2024-06-03','Uad9b-31','Ethiopia','Gambella','Samuel O.','1','Seed & Grow','ሰላማዊት ተስፋዬ','M5830908','Bole, አዲስ አበባ','+251 91 830 908','+251 91 830 985','smart','female',75,'Ethiopian','Refugee','yes','Vocational','New','no',10,'planned','yes','2024-06-03 05:05:10.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
INSERT INTO "kobo_records" VALUES(X'018FDC7FD0388A1E8BBF14E94AAAC9DB',412035,'2024-06-03','Uc00a-35','South Sudan','Central Equatoria','Hodan A.','5','Seed & Grow','دينق مالوال','M7125753','Bor – جوبا','+٢١١ ٩٢ ١٢٥ ٧٥٣',NULL,'smart','female',66,'South Sudanese','Refugee','no','Vocational','New','yes',0,'planned',NULL,'2024-06-03 05:08:35.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
INSERT INTO "kobo_records" VALUES(X'018FDC7EFD4889869167727325C39DCF',412036,'2024-06-03','Ube4f-36','Rwanda','Northern Province','ሙሉጌታ ደ.','6','Youth "Kora"','Éric Uwimana','M594650','Nyabugogo market','+250 78 594 650','+250 78 594 727','smart','female',31,'Rwandan','Refugee','no','Vocational','Continuing','no',8,'closed','no','2024-06-03 05:07:41.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
INSERT INTO "kobo_records" VALUES(X'018FDC7F5EF087E084BAB5D41B9B96E0',412040,'2024-06-03','U2872-40','Rwanda','Western Province','Peter L.','6','Refugee micro-business','Éric Ingabire','M401610','Kiziba camp, zone 3','+250 78 401 610','+250 78 401 687','feature','male',49,'Rwandan','Host community','no','University','Continuing','yes',10,'planned','yes','2024-06-03 05:08:06.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
INSERT INTO "kobo_records" VALUES(X'018FDC819D2885E29EC0E9D8C6268584',412043,'2024-06-03','U470c-43','Kenya','Turkana','Samuel O.','1','Seed & Grow','Ekai Lokwang','M16274144','Kakuma 1, block 7','+254 71 274 144',NULL,'feature','female',54,'Kenyan','IDP','no','Primary','Continuing','yes',11,'active',NULL,'2024-06-03 05:10:33.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
INSERT INTO "kobo_records" VALUES(X'018FDC7FE7A884F4A9115D4B19E16723',412047,'2024-06-03','Uacb8-47','South Sudan','Jonglei','ሙሉጌታ ደ.','6','Jasiri','عبد الله ماجوك','M13453212','Malakal PoC','+٢١١ ٩٢ ٤٥٣ ٢١٢',NULL,'feature','male',76,'South Sudanese','Host community','No','Vocational','Continuing','Yes',2,'closed','yes','2024-06-03 05:08:41.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
INSERT INTO "kobo_records" VALUES(X'018FDC8202B88B72A390CAE805A79CFE',412048,'2024-06-03','U8c3d-48','Rwanda','Northern Province','Jean-Paul M.','5','Jasiri','Aline Umutoni','M13865018','Kiziba camp, zone 3','+250 78 865 018','+250 78 865 095','smart','male',59,'Rwandan','Refugee','no','Vocational','Continuing','no',0,'active','yes','2024-06-03 05:10:59.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
INSERT INTO "kobo_records" VALUES(X'018FDC8147388BFF9957950452BB8B7E',412052,'2024-06-03','Ue0a9-52','DR Congo','Sud-Kivu','Chantal U.','2','Seed & Grow','Blaise Mbuyi','M13284164','Goma, Virunga','+243 99 284 164',NULL,'feature','female',18,'Congolese','IDP','no','None','New','no',4,'planned','yes','2024-06-03 05:10:11.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
INSERT INTO "kobo_records" VALUES(X'018FDC82C22088DD881DBBD6376EDD8A',412056,'2024-06-03','U7284-56','DR Congo','Nord-Kivu','Mekdes T.','2','Seed & Grow','Désiré Tshisekedi wa M.','M16200863','Goma, Virunga','+243 99 200 863',NULL,'feature','female',47,'Congolese','Host community','no','Secondary','New','Yes',4,'active',NULL,'2024-06-03 05:11:48.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
INSERT INTO "kobo_records" VALUES(X'018FDC819D2888EC8CF7CFED46F7D1CB',412059,'2024-06-03','Uc3fc-59','Rwanda','Kigali','ሙሉጌታ ደ.','4','Refugee micro-business','Éric Nshimiyimana','M8863957','Nyabugogo market','+250 78 863 957','+250 78 864 034','smart','male',42,'Rwandan','Returnee','no','Secondary','New','yes',5,'planned','yes','2024-06-03 05:10:33.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
INSERT INTO "kobo_records" VALUES(X'018FDC8268488B709795A7FF91676694',412060,'2024-06-03','Ub8d7-60','DR Congo','Nord-Kivu','Samuel O.','1','Seed & Grow','Désiré Kabongo','M3066994','Bukavu – Kadutu','+243 99 066 994','+243 99 067 071','smart','female',76,'Congolese','Refugee','no','Primary','New','Yes',7,'planned','yes','2024-06-03 05:11:25.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
INSERT INTO "kobo_records" VALUES(X'018FDC84F0B88A56863669A367B474FF',412064,'2024-06-03','Ub86d-64','DR Congo','Nord-Kivu','Samuel O.','5','Youth "Kora"','Blaise Mbuyi','M7024008','Uvira','+243 99 024 008','+243 99 024 085','smart','male',66,'Congolese','Returnee','no','Vocational','Graduated','yes',12,'closed','yes','2024-06-03 05:14:11.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
INSERT INTO "kobo_records" VALUES(X'018FDC869E688B9385C6F673885C7C7F',412068,'2024-06-03','U583b-68','Ethiopia','Somali','Chantal U.','4','Youth "Kora"','ሰላማዊት ወልደ ሥላሴ','M13558541','ጋምቤላ','+251 91 558 541','+251 91 558 618','smart','female',19,'Ethiopian','Returnee','no','Primary','New','no',6,'closed','no','2024-06-03 05:16:01.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
INSERT INTO "kobo_records" VALUES(X'018FDC851F988E09AF9CDAA9B5488BBC',412069,'2024-06-03','Ua3ac-69','Ethiopia','Addis Ababa','Samuel O.','5','Youth "Kora"','ትዕግስት ገብረ መድኅን','M15245097','Kebribeyah camp','+251 91 245 097','+251 91 245 174','smart','female',70,'Ethiopian','Refugee','no','Primary','Continuing','Yes',8,'active','no','2024-06-03 05:14:23.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
INSERT INTO "kobo_records" VALUES(X'018FDC8513E08FE3B0C32DA59B80359E',412073,'2024-06-03','U3deb-73','Kenya','Nairobi','ሙሉጌታ ደ.','4','Refugee micro-business','Wanjiku Njoroge','M11814686','Dadaab – Ifo','+254 71 814 686',NULL,'feature','female',18,'Kenyan','IDP','no','None','Graduated','yes',2,'active','no','2024-06-03 05:14:20.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
INSERT INTO "kobo_records" VALUES(X'018FDC8780F885798127852721B4D288',412076,'2024-06-03','U2979-76','Kenya','Nairobi','Chantal U.','6','Seed & Grow','Kipchoge Odhiambo','M4768062','Eastleigh 1st Avenue','+254 71 768 062','+254 71 768 139','smart','male',23,'Kenyan','Refugee','no','Primary','New','Yes',12,'active','no','2024-06-03 05:16:59.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
INSERT INTO "kobo_records" VALUES(X'018FDC8971108024B9870A03878A8D2C',412080,'2024-06-03','U2336-80','Rwanda','Northern Province','Mekdes T.','4','Seed & Grow','Théogène Niyonzima','M12449382','Nyabugogo market','+250 78 449 382','+250 78 449 459','feature','female',61,'Rwandan','IDP','no','Secondary','New','yes',12,'closed',NULL,'2024-06-03 05:19:06.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
INSERT INTO "kobo_records" VALUES(X'018FDC8907988C05823B8C5D40185AC3',412081,NULL,'Ubf60-81','Kenya','Turkana','Samuel O.','3','Refugee micro-business','Zawadi Lokwang','M2005506','Lodwar town','+254 71 005 506',NULL,'feature','male',53,'Kenyan','IDP','no','Secondary','Graduated','no',2,'planned','no','2024-06-03 05:18:39.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
INSERT INTO "kobo_records" VALUES(X'018FDC88677089B3B6D66DFFE567F27E',412085,'2024-06-03','Ucac5-85','South Sudan','Jonglei','Chantal U.','2','Refugee micro-business','نيانداك أجاك','M11324300','Juba, Konyo Konyo','+٢١١ ٩٢ ٣٢٤ ٣٠٠','+٢١١ ٩٢ ٣٢٤ ٣٧٧','smart','female',56,'South Sudanese','Returnee','no','None','Graduated','Yes',4,'planned',NULL,'2024-06-03 05:17:58.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
INSERT INTO "kobo_records" VALUES(X'018FDC8B651083068561D36129023861',412089,'2024-06-03','Ub33d-89','DR Congo','Nord-Kivu','Jean-Paul M.','3','Youth "Kora"','Blaise Kabongo','M9848133','Uvira','+243 99 848 133','+243 99 848 210','smart','female',28,'Congolese','Refugee','no','University','Continuing','yes',11,'closed','yes','2024-06-03 05:21:14.000000','2026-11-29 14:05:48.126589','2026-11-29 14:05:48.132000');
CREATE TABLE kobo_registrations (
	asset_uid VARCHAR(40) NOT NULL, 
	endpoint VARCHAR(500) NOT NULL, 
	way VARCHAR(20) NOT NULL, 
	hook_uid VARCHAR(80), 
	secret_fingerprint VARCHAR(16) NOT NULL, 
	registered_at DATETIME NOT NULL, 
	failures_read_until DATETIME, 
	PRIMARY KEY (asset_uid, endpoint)
);
CREATE TABLE kobo_rejections (
	asset_uid VARCHAR(40) NOT NULL, 
	kobo_id BIGINT NOT NULL, 
	PRIMARY KEY (asset_uid, kobo_id)
);
INSERT INTO "kobo_rejections" VALUES('aInkomokoDemoSurvey001',412011);
CREATE TABLE kobo_server_counts (
	asset_uid VARCHAR(40) NOT NULL, 
	submissions BIGINT NOT NULL, 
	counted_at DATETIME NOT NULL, 
	PRIMARY KEY (asset_uid)
);
INSERT INTO "kobo_server_counts" VALUES('aInkomokoDemoSurvey001',29,'2026-11-29 14:05:48.296065');
CREATE TABLE kobo_submissions (
	asset_uid VARCHAR(40) NOT NULL, 
	kobo_id BIGINT NOT NULL, 
	uuid VARCHAR(80), 
	root_uuid VARCHAR(80), 
	previous_uuid VARCHAR(80), 
	form_version VARCHAR(80), 
	submission_time DATETIME, 
	submitted_by VARCHAR(255), 
	validation_status VARCHAR(80), 
	validation_timestamp BIGINT, 
	digest BINARY(16), 
	row_digest BINARY(16), 
	payload TEXT, 
	state VARCHAR(8) NOT NULL, 
	reason VARCHAR(500), 
	pushed_at DATETIME, 
	first_seen_at DATETIME NOT NULL, 
	deleted_at DATETIME, 
	PRIMARY KEY (asset_uid, kobo_id)
);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412002,'c41ed99f-1472-41af-ac76-842c5944e10d','c41ed99f-1472-41af-ac76-842c5944e10d',NULL,'v503789d074837bf3c5050','2024-06-03 04:56:18.000000','enumerator_add',NULL,NULL,X'6829E2EC103762CB25A923951651E32A',X'89A9AB77166DAE8C6CD334E7A8DC63E7',NULL,'applied',NULL,NULL,'2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412003,'74031356-547b-4995-a44a-89ef0f88aa21','74031356-547b-4995-a44a-89ef0f88aa21',NULL,'v503789d074837bf3c5050','2024-06-03 04:59:21.000000',NULL,NULL,NULL,X'FF277F70A0F3380CF29753DC717BD418',X'584D27D874D018DADE55EB71ECD3A7CD',NULL,'applied',NULL,NULL,'2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412007,'3393fa33-549f-48ab-ab41-d1f2965ed630','3393fa33-549f-48ab-ab41-d1f2965ed630',NULL,'v503789d074837bf3c5050','2024-06-03 04:58:38.000000',NULL,NULL,NULL,X'FACC603304B503A86320008AB90486B3',X'46DA11F7C6C16B2247C4FEDEF38CC2E3',NULL,'applied',NULL,NULL,'2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412011,'f324e110-54c3-4176-a818-e841e51de2ad','f324e110-54c3-4176-a818-e841e51de2ad',NULL,'v503789d074837bf3c5050','2024-06-03 05:01:01.000000','enumerator_add',NULL,NULL,X'A899F69B1EB4C073B3015994BB297CE1',NULL,'{"_id":412011,"formhub/uuid":"5eed0a11c0de4b0b8a7c0d15ea5e0001","start":"2024-06-03T07:34:09.273+03:00","end":"2024-06-03T07:59:37.000+03:00","cd_survey_date":"2024-06-03","sec_a/cd_biz_country_name":"Ethiopia","sec_a/cd_biz_region_name":"Gambella","sec_b/bda_name":"Samuel O.","sec_b/cd_cohort":"5","sec_b/cd_program":"Youth \"Kora\"","sec_c/cd_client_name":"ሐና ወልደ ሥላሴ","sec_c/cd_client_id_manifest":"M4318493","sec_c/cd_location":"Bole, አዲስ አበባ","sec_c/cd_clients_phone":"+251 91 318 493","sec_c/cd_phoneno_alt_number":"+251 91 318 570","sec_c/cd_clients_phone_smart_feature":"smart","sec_c/cd_gender":"female","sec_c/cd_age":"67","sec_c/cd_nationality":"Ethiopian","sec_c/cd_strata":"Refugee","sec_c/cd_disability":"no","sec_c/cd_education":"University","sec_c/cd_client_status":"Continuing","sec_c/cd_sole_income_earner":"yes","sec_c/cd_howrespble_pple":"8","group_mx5fl16/cd_biz_status":"active","group_mx5fl16/bd_biz_operating":"yes","members":[{"members/name":"Member 1","members/age":"3"}],"cd_needs":"cash","cd_gps":"9.576 42.574 1426 5","__version__":"v503789d074837bf3c5050","meta/instanceID":"uuid:f324e110-54c3-4176-a818-e841e51de2ad","_xform_id_string":"aInkomokoDemoSurvey001","_uuid":"f324e110-54c3-4176-a818-e841e51de2ad","meta/rootUuid":"uuid:f324e110-54c3-4176-a818-e841e51de2ad","_attachments":[],"_status":"submitted_via_web","_geolocation":[9.576,42.574],"_submission_time":"2024-06-03T05:01:01","_validation_status":{},"_submitted_by":"enumerator_add"}','rejected','unique_id: the answer to sec_a/unique_id is missing',NULL,'2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412014,'02d18e36-14de-4237-a4dd-8037018e8aa5','02d18e36-14de-4237-a4dd-8037018e8aa5',NULL,'v503789d074837bf3c5050','2024-06-03 05:01:34.000000','enumerator_kgl',NULL,NULL,X'082595CB1916BA1CCD137CE546534850',X'D8E5E992F903B14F34802519061174DB',NULL,'applied',NULL,NULL,'2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412015,'b2b5c7ed-54e7-4e67-ae01-da0bcf102383','b2b5c7ed-54e7-4e67-ae01-da0bcf102383',NULL,'v503789d074837bf3c5050','2024-06-03 05:01:39.000000',NULL,NULL,NULL,NULL,NULL,NULL,'deleted',NULL,NULL,'2026-11-29 14:05:48.126589','2026-11-29 14:05:48.273156');
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412019,'7246aeca-550b-48fe-a971-5030545412be','7246aeca-550b-48fe-a971-5030545412be',NULL,'v503789d074837bf3c5050','2024-06-03 05:00:52.000000','enumerator_add',NULL,NULL,X'CA28FE444F40BE76FFEA9F897CB567D3',X'8C28E6EF62CFC3DD4DBAD92EFFDCBE9F',NULL,'applied',NULL,NULL,'2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412023,'31d795a7-552f-4b67-adec-a9011dcec6ef','31d795a7-552f-4b67-adec-a9011dcec6ef',NULL,'v503789d074837bf3c5050','2024-06-03 05:03:40.000000','enumerator_add',NULL,NULL,X'F3341138BB6B6F7C3A5914EBC7743114',X'33B3B546675A8D9DF1BF060A8DB04C93',NULL,'applied',NULL,'2026-11-29 14:05:48.286809','2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412024,'e1bbcf5e-9538-4d94-a7d7-4e45b831851c','e1bbcf5e-9538-4d94-a7d7-4e45b831851c',NULL,'v503789d074837bf3c5050','2024-06-03 05:04:49.000000','enumerator_add',NULL,NULL,X'804220E6556A8D109D321D8CF74B4397',X'05C33DF80F9FC1B2192BCC9D481B9487',NULL,'applied',NULL,NULL,'2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412027,'f1687c84-5553-4795-a741-49d1ef612e40','f1687c84-5553-4795-a741-49d1ef612e40',NULL,'v503789d074837bf3c5050','2024-06-03 05:05:18.000000','enumerator_add',NULL,NULL,X'BFF5F63AD9E78642109E1675033D981B',X'540E7AD6739D859CB340CE271165CC73',NULL,'applied',NULL,NULL,'2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412031,'b0f96361-5577-4ad9-ab28-1958f8fccf1f','b0f96361-5577-4ad9-ab28-1958f8fccf1f',NULL,'v503789d074837bf3c5050','2024-06-03 05:05:10.000000','enumerator_jub',NULL,NULL,X'886892AC1246EC1BF0B151DB49EE286C',X'7EBC0B4F51ED343EB6D7D37ED8A8D7E5',NULL,'applied',NULL,NULL,'2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412035,'708a4a3e-559b-4c00-aac8-746cbaf9e37c','708a4a3e-559b-4c00-aac8-746cbaf9e37c',NULL,'v503789d074837bf3c5050','2024-06-03 05:08:35.000000','enumerator_kgl',NULL,NULL,X'B4576679A92AC98DE5AFA615F5F44BA3',X'35E211A9B9DCEF80A593F9168CF0B7C3',NULL,'applied',NULL,NULL,'2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412036,'206e83f5-95a4-4be4-af91-340912da4162','206e83f5-95a4-4be4-af91-340912da4162',NULL,'v503789d074837bf3c5050','2024-06-03 05:07:41.000000','enumerator_jub',NULL,NULL,X'7330C87DC05FB2E5B25931212E5F45B1',X'B12FE58187DD96CA086EB9149AD00188',NULL,'applied',NULL,NULL,'2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412040,'dfff6ad2-95c8-4287-a2e4-8f0620ca7ee5','dfff6ad2-95c8-4287-a2e4-8f0620ca7ee5',NULL,'v503789d074837bf3c5050','2024-06-03 05:08:06.000000','enumerator_nbo',NULL,NULL,X'3914BB52C58B452AAE26FE34F9D11AB1',X'5EF17AFF91B83BE86E48E6FEEB1CA038',NULL,'applied',NULL,NULL,'2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412043,'efac17f8-55e3-4470-aca4-3cf852e01c10','efac17f8-55e3-4470-aca4-3cf852e01c10',NULL,'v503789d074837bf3c5050','2024-06-03 05:10:33.000000','enumerator_nbo',NULL,NULL,X'B85E600BF2462C3F9F4D979CEFBA5C03',X'D6B49A7A1FF13DEFF4E27A7BB9E77058',NULL,'applied',NULL,NULL,'2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412047,'af3cfed5-5607-4acb-a831-74cd479c9636','af3cfed5-5607-4acb-a831-74cd479c9636',NULL,'v503789d074837bf3c5050','2024-06-03 05:08:41.000000','enumerator_kgl',NULL,NULL,X'57A2A463CFB624BCBE023D4E5B4AAD31',X'4A4D917906C6C0482A40BB0872762CE5',NULL,'applied',NULL,NULL,'2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412048,'5f21388c-9610-48c3-ad33-b2d3903a574c','5f21388c-9610-48c3-ad33-b2d3903a574c',NULL,'v503789d074837bf3c5050','2024-06-03 05:10:59.000000','enumerator_add',NULL,NULL,X'14BDDF4EA7FAE2632A918C53532A1C1E',X'F5080322B703A5162CBC165042E80A73',NULL,'applied',NULL,NULL,'2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412052,'1eb21f69-9634-4e0a-a905-e2cab344ec77','1eb21f69-9634-4e0a-a905-e2cab344ec77',NULL,'v503789d074837bf3c5050','2024-06-03 05:10:11.000000','enumerator_add',NULL,NULL,X'C80E25B405861DAF7AB907A98F3D79DE',X'AAB3A574582CFC61B3016639AFDFF2AD',NULL,'applied',NULL,NULL,'2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412056,'de430646-9658-4728-a44e-3af7349f8b8a','de430646-9658-4728-a44e-3af7349f8b8a',NULL,'v503789d074837bf3c5050','2024-06-03 05:11:48.000000','enumerator_nbo',NULL,NULL,X'897AD0227172B613DD5B8135293E6C37',X'9D57054080ABB3A0EB1CCCA546D4E4A7',NULL,'applied',NULL,NULL,'2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412059,'edefb36c-5673-4c3f-ac40-b68740d56a83','edefb36c-5673-4c3f-ac40-b68740d56a83',NULL,'v503789d074837bf3c5050','2024-06-03 05:10:33.000000','enumerator_add',NULL,NULL,X'47EE42C22F32F30A9CDCF6FFFEF380D1',X'D379014EC53F99C024E5C4DA1ACA6753',NULL,'applied',NULL,NULL,'2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412060,'9dd3ed23-967c-4b8d-a773-0a2ecc72deda','9dd3ed23-967c-4b8d-a773-0a2ecc72deda',NULL,'v503789d074837bf3c5050','2024-06-03 05:11:25.000000','enumerator_add',NULL,NULL,X'5E812713938872D79357254145E21AAD',X'31439BA1E9DD74FB0284D70C4D2CBF80',NULL,'applied',NULL,NULL,'2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412064,'5d64d400-96a0-4b86-adb5-b96b2d88933b','5d64d400-96a0-4b86-adb5-b96b2d88933b',NULL,'v503789d074837bf3c5050','2024-06-03 05:14:11.000000',NULL,NULL,NULL,X'EDF89F674384E3059A0B130C25588359',X'0F18AF385F864A7D6210A136C8110E3E',NULL,'applied',NULL,NULL,'2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412068,'1cf5badd-96c4-4583-ab50-efcee30d9986','1cf5badd-96c4-4583-ab50-efcee30d9986',NULL,'v503789d074837bf3c5050','2024-06-03 05:16:01.000000','enumerator_nbo',NULL,NULL,X'EBF8E1436CE9B9750BF4AAD78C58CFCD',X'F39F5647D86E4D750657D1CD5BC00DBA',NULL,'applied',NULL,NULL,'2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412069,'ccd9f494-d6cd-4a3a-ac77-a2e89f2998c7','ccd9f494-d6cd-4a3a-ac77-a2e89f2998c7',NULL,'v503789d074837bf3c5050','2024-06-03 05:14:23.000000','enumerator_add',NULL,NULL,X'EF94DE4385BF4CE01B3EE80CB3C496FC',X'CF7E0018F74DE4570FDEE00D09B178C7',NULL,'applied',NULL,NULL,'2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412073,'8c6adb71-d6f1-43de-ab60-85b4471e1f2a','8c6adb71-d6f1-43de-ab60-85b4471e1f2a',NULL,'v503789d074837bf3c5050','2024-06-03 05:14:20.000000','enumerator_kgl',NULL,NULL,X'8A92EEB92E6CAE496D11675D1BEAB26D',X'649008E14FE34AAB80CE66D93BD0A7B3',NULL,'applied',NULL,NULL,'2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412076,'9c178897-970c-4297-a918-7c48c13e0731','9c178897-970c-4297-a918-7c48c13e0731',NULL,'v503789d074837bf3c5050','2024-06-03 05:16:59.000000','enumerator_jub',NULL,NULL,X'AAE4B562A3DA4A3333DEB00FABF78F41',X'8B1B1FA7985F3328C87DEB8D58AB9F43',NULL,'applied',NULL,NULL,'2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412080,'5ba86f74-9730-4233-a692-13bdf666f586','5ba86f74-9730-4233-a692-13bdf666f586',NULL,'v503789d074837bf3c5050','2024-06-03 05:19:06.000000','enumerator_kgl',NULL,NULL,X'8B807B1007394656E1EB7C4CF297569C',X'C60660D5751E5E04928D8A98BE851E7F',NULL,'applied',NULL,NULL,'2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412081,'0b8ca92b-d739-4bf6-a0e6-d71e9a02e7fc','0b8ca92b-d739-4bf6-a0e6-d71e9a02e7fc',NULL,'v503789d074837bf3c5050','2024-06-03 05:18:39.000000','enumerator_add',NULL,NULL,X'12FFCD7F3DB957608A5B6E0387D51281',X'BD40CD6CDAF3565A17D5A4B65394C012',NULL,'applied',NULL,NULL,'2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412085,'cb1d9008-d75d-4cac-a517-8baccb8c1d36','cb1d9008-d75d-4cac-a517-8baccb8c1d36',NULL,'v503789d074837bf3c5050','2024-06-03 05:17:58.000000','enumerator_jub',NULL,NULL,X'1CF7A0BCC7B063E560F14C9DC8B530B7',X'32D7EB43EE57D33BC561149A71407A89',NULL,'applied',NULL,NULL,'2026-11-29 14:05:48.126589',NULL);
INSERT INTO "kobo_submissions" VALUES('aInkomokoDemoSurvey001',412089,'8aae76e5-d781-4b33-adeb-4d964545886d','8aae76e5-d781-4b33-adeb-4d964545886d',NULL,'v503789d074837bf3c5050','2024-06-03 05:21:14.000000','enumerator_add',NULL,NULL,X'DFE3E1B5456F54E6B0A6CE3B48874E98',X'111E5EE87C4D2E4852D217619FFFDAD8',NULL,'applied',NULL,NULL,'2026-11-29 14:05:48.126589',NULL);
CREATE TABLE kobo_sync_runs (
	id INTEGER NOT NULL, 
	asset_uid VARCHAR(40) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	mode VARCHAR(8) NOT NULL, 
	started_at DATETIME NOT NULL, 
	finished_at DATETIME, 
	watermark BIGINT, 
	highest_id BIGINT, 
	rows_read BIGINT DEFAULT '0' NOT NULL, 
	inserted BIGINT DEFAULT '0' NOT NULL, 
	updated BIGINT DEFAULT '0' NOT NULL, 
	unchanged BIGINT DEFAULT '0' NOT NULL, 
	stale BIGINT DEFAULT '0' NOT NULL, 
	"deferred" BIGINT DEFAULT '0' NOT NULL, 
	deleted BIGINT DEFAULT '0' NOT NULL, 
	revived BIGINT DEFAULT '0' NOT NULL, 
	rejected BIGINT DEFAULT '0' NOT NULL, 
	requests BIGINT DEFAULT '0' NOT NULL, 
	bytes BIGINT DEFAULT '0' NOT NULL, 
	sweep_found BIGINT, 
	history VARCHAR(30), 
	history_found BIGINT, 
	history_until DATETIME, 
	confirmed VARCHAR(16), 
	error VARCHAR(500), 
	PRIMARY KEY (id)
);
INSERT INTO "kobo_sync_runs" VALUES(1,'aInkomokoDemoSurvey001','sync (process 4711 on kobo)','exact','2026-11-29 14:05:48.067273','2026-11-29 14:05:48.187900',0,412089,30,29,0,0,0,0,0,0,1,5,10234,0,'read from now on',0,'2026-11-29 14:05:48.000000',NULL,NULL);
INSERT INTO "kobo_sync_runs" VALUES(2,'aInkomokoDemoSurvey001','sync (process 4711 on kobo)','exact','2026-11-29 14:05:48.207581','2026-11-29 14:05:48.279647',412089,412089,0,0,0,0,0,0,1,0,0,10,8506,1,'read from now on',0,'2026-11-29 14:05:48.000000',NULL,NULL);
INSERT INTO "kobo_sync_runs" VALUES(3,'aInkomokoDemoSurvey001','scheduled__2026-11-29T14:00:00+00:00','exact','2026-11-29 14:05:48.296735',NULL,0,412036,12,0,0,12,0,0,0,0,0,2,7438,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE kobo_tallies (
	asset_uid VARCHAR(40) NOT NULL, 
	day DATE NOT NULL, 
	way VARCHAR(6) NOT NULL, 
	slot INTEGER NOT NULL, 
	arrived BIGINT NOT NULL, 
	applied BIGINT NOT NULL, 
	rejected BIGINT NOT NULL, 
	deleted BIGINT NOT NULL, 
	PRIMARY KEY (asset_uid, day, way, slot)
);
INSERT INTO "kobo_tallies" VALUES('aInkomokoDemoSurvey001','2026-11-29','pulled',13,30,28,1,1);
CREATE TABLE kobo_to_fetch (
	asset_uid VARCHAR(40) NOT NULL, 
	kind VARCHAR(4) NOT NULL, 
	ref VARCHAR(80) NOT NULL, 
	reason VARCHAR(100) NOT NULL, 
	asked_at DATETIME NOT NULL, 
	attempts INTEGER NOT NULL, 
	PRIMARY KEY (asset_uid, kind, ref)
);
INSERT INTO "kobo_to_fetch" VALUES('aInkomokoDemoSurvey001','id','412023','undecidable','2026-11-29 14:05:48.287447',0);
CREATE VIEW kobo_rejected AS SELECT asset_uid, kobo_id, reason, submission_time, first_seen_at, payload FROM kobo_submissions WHERE state = 'rejected';
CREATE INDEX ix_kobo_records_unique_id ON kobo_records (unique_id);
CREATE TRIGGER kobo_records_updated_at AFTER UPDATE ON kobo_records FOR EACH ROW WHEN NEW.updated_at = OLD.updated_at AND (NEW.id IS NOT OLD.id OR NEW.kobo_id IS NOT OLD.kobo_id OR NEW.survey_date IS NOT OLD.survey_date OR NEW.unique_id IS NOT OLD.unique_id OR NEW.country IS NOT OLD.country OR NEW.region IS NOT OLD.region OR NEW.bda_name IS NOT OLD.bda_name OR NEW.cohort IS NOT OLD.cohort OR NEW.program IS NOT OLD.program OR NEW.client_name IS NOT OLD.client_name OR NEW.client_id IS NOT OLD.client_id OR NEW.location IS NOT OLD.location OR NEW.phone IS NOT OLD.phone OR NEW.alt_phone IS NOT OLD.alt_phone OR NEW.phone_smart_feature IS NOT OLD.phone_smart_feature OR NEW.gender IS NOT OLD.gender OR NEW.age IS NOT OLD.age OR NEW.nationality IS NOT OLD.nationality OR NEW.strata IS NOT OLD.strata OR NEW.disability IS NOT OLD.disability OR NEW.education IS NOT OLD.education OR NEW.client_status IS NOT OLD.client_status OR NEW.sole_income_earner IS NOT OLD.sole_income_earner OR NEW.responsible_people IS NOT OLD.responsible_people OR NEW.business_status IS NOT OLD.business_status OR NEW.business_operating IS NOT OLD.business_operating OR NEW.submission_time IS NOT OLD.submission_time OR NEW.inserted_at IS NOT OLD.inserted_at) BEGIN UPDATE kobo_records SET updated_at = (strftime('%Y-%m-%d %H:%M:%f000', 'now')) WHERE id = NEW.id; END;
COMMIT;
