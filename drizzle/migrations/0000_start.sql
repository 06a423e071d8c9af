CREATE TABLE `millrace_audit` (
	`id` bigint unsigned AUTO_INCREMENT NOT NULL,
	`at` datetime(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
	`who` varchar(128) NOT NULL,
	`action` varchar(32) NOT NULL,
	`stream` varchar(64) character set utf8mb4 collate utf8mb4_nopad_bin NOT NULL,
	`sink` varchar(64) character set utf8mb4 collate utf8mb4_nopad_bin NOT NULL,
	`kafka_partition` int NOT NULL,
	`reason` varchar(1000) NOT NULL,
	`state_before` text NOT NULL,
	`state_after` text NOT NULL,
	CONSTRAINT `millrace_audit_id` PRIMARY KEY(`id`)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
--> statement-breakpoint
CREATE TABLE `millrace_checkpoints` (
	`stream` varchar(64) character set utf8mb4 collate utf8mb4_nopad_bin NOT NULL,
	`sink` varchar(64) character set utf8mb4 collate utf8mb4_nopad_bin NOT NULL,
	`kafka_partition` int NOT NULL,
	`epoch` bigint unsigned NOT NULL,
	`next_offset` bigint unsigned NOT NULL,
	`state` enum('run','pause','halt') NOT NULL DEFAULT 'run',
	`reason` varchar(1000),
	`topic_id` char(36) NOT NULL,
	`records` bigint unsigned NOT NULL DEFAULT 0,
	`loaded_rows` bigint unsigned NOT NULL DEFAULT 0,
	`repeated` bigint unsigned NOT NULL DEFAULT 0,
	`ignored` bigint unsigned NOT NULL DEFAULT 0,
	`dead` bigint unsigned NOT NULL DEFAULT 0,
	`updated_at` datetime(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
	CONSTRAINT `millrace_checkpoints_stream_sink_kafka_partition_pk` PRIMARY KEY(`stream`,`sink`,`kafka_partition`)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
--> statement-breakpoint
CREATE TABLE `millrace_dead_letters` (
	`id` bigint unsigned AUTO_INCREMENT NOT NULL,
	`stream` varchar(64) character set utf8mb4 collate utf8mb4_nopad_bin NOT NULL,
	`sink` varchar(64) character set utf8mb4 collate utf8mb4_nopad_bin NOT NULL,
	`kafka_partition` int NOT NULL,
	`topic` varchar(249) NOT NULL,
	`kafka_offset` bigint unsigned NOT NULL,
	`kafka_timestamp` datetime(6) NOT NULL,
	`event_id` varchar(255) character set utf8mb4 collate utf8mb4_nopad_bin,
	`fingerprint` binary(32) NOT NULL,
	`code` varchar(64) NOT NULL,
	`message` varchar(1000) NOT NULL,
	`sql_state` char(5),
	`errno` int,
	`column_name` varchar(64),
	`message_key` longblob,
	`headers` longblob NOT NULL,
	`payload` longblob,
	`status` enum('waiting','redriven','discarded') NOT NULL DEFAULT 'waiting',
	`created_at` datetime(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
	`published_at` datetime(6),
	CONSTRAINT `millrace_dead_letters_id` PRIMARY KEY(`id`),
	CONSTRAINT `millrace_dead_letters_once` UNIQUE(`stream`,`sink`,`fingerprint`)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
--> statement-breakpoint
CREATE TABLE `access_log` (
	`id` bigint unsigned AUTO_INCREMENT NOT NULL,
	`event_id` varchar(64) character set utf8mb4 collate utf8mb4_nopad_bin NOT NULL,
	`at` datetime(6) NOT NULL,
	`ip` varchar(45) NOT NULL,
	`method` varchar(16) NOT NULL,
	`path` varchar(2048) NOT NULL,
	`status` smallint unsigned NOT NULL,
	`bytes` bigint unsigned,
	`duration_ms` double,
	`user_id` varchar(64),
	`user_agent` varchar(512),
	`referrer` varchar(2048),
	`kafka_partition` int NOT NULL,
	`kafka_offset` bigint unsigned NOT NULL,
	CONSTRAINT `access_log_id` PRIMARY KEY(`id`),
	CONSTRAINT `access_log_event_id_unique` UNIQUE(`event_id`)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
--> statement-breakpoint
CREATE TABLE `telemetry` (
	`id` bigint unsigned AUTO_INCREMENT NOT NULL,
	`device_id` varchar(32) character set utf8mb4 collate utf8mb4_nopad_bin NOT NULL,
	`at` datetime(6) NOT NULL,
	`power_w` double NOT NULL,
	`status` enum('ok','warn','fault') NOT NULL,
	`kafka_partition` int NOT NULL,
	`kafka_offset` bigint unsigned NOT NULL,
	CONSTRAINT `telemetry_id` PRIMARY KEY(`id`),
	CONSTRAINT `telemetry_identity` UNIQUE(`device_id`,`at`)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
--> statement-breakpoint
CREATE INDEX `millrace_dead_letters_unpublished` ON `millrace_dead_letters` (`published_at`);