-- Run on one server, for all of the cluster. {cluster}, {shard} and {replica} are macros of the
-- servers' configuration: SELECT * FROM system.macros shows them.
CREATE DATABASE IF NOT EXISTS clew ON CLUSTER '{cluster}';

-- A shard's part of the events.
CREATE TABLE IF NOT EXISTS clew.logs_local ON CLUSTER '{cluster}'
(
    `createdAt` Int64 CODEC(Delta, ZSTD),
    `level` LowCardinality(Nullable(String)),
    `logger` LowCardinality(Nullable(String)),
    `service` LowCardinality(Nullable(String)),
    `action` LowCardinality(Nullable(String)),
    `outcome` LowCardinality(Nullable(String)),
    `direction` LowCardinality(Nullable(String)),
    `message` Nullable(String) CODEC(ZSTD),
    `requestId` Nullable(String) CODEC(ZSTD),
    `userId` Nullable(String) CODEC(ZSTD),
    `value` Nullable(String) CODEC(ZSTD),
    `oldValue` Nullable(String) CODEC(ZSTD),
    `comment` Nullable(String) CODEC(ZSTD),
    `monetaryValue` Nullable(Decimal(38, 6)) CODEC(ZSTD),
    `quantity` Nullable(Decimal(38, 6)) CODEC(ZSTD),
    `method` LowCardinality(Nullable(String)),
    `host` LowCardinality(Nullable(String)),
    `route` LowCardinality(Nullable(String)),
    `operation` LowCardinality(Nullable(String)),
    `path` Nullable(String) CODEC(ZSTD),
    `query` Nullable(String) CODEC(ZSTD),
    `ipAddress` Nullable(String) CODEC(ZSTD),
    `durationUs` Nullable(Int64) CODEC(ZSTD),
    `httpStatus` Nullable(Int64),
    `graphqlStatus` Nullable(Int64),
    `exceptionType` LowCardinality(Nullable(String)),
    `exceptionMessage` Nullable(String) CODEC(ZSTD),
    `stackTrace` Nullable(String) CODEC(ZSTD),
    `serviceVersion` LowCardinality(Nullable(String)),
    `taskName` LowCardinality(Nullable(String)),
    `taskOutcome` LowCardinality(Nullable(String)),
    `taskId` Nullable(String) CODEC(ZSTD),
    `taskParentId` Nullable(String) CODEC(ZSTD),
    `monetaryValueText` Nullable(String) CODEC(ZSTD),
    `quantityText` Nullable(String) CODEC(ZSTD),
    `kept` LowCardinality(Nullable(String)),
    `exceptionPlace` LowCardinality(Nullable(String)),
    `fields` Nullable(String) CODEC(ZSTD),
    `lineHash` UInt64,
    INDEX `by_requestId` `requestId` TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX `by_userId` `userId` TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX `by_action` `action` TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX `by_value` `value` TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX `by_oldValue` `oldValue` TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toYYYYMM(fromUnixTimestamp64Milli(`createdAt`, 'UTC'))
ORDER BY (`service`, `createdAt`)
SETTINGS allow_nullable_key = 1;

-- All events: what clew loads into and asks. A request's events share a shard, those of no request
-- are spread.
CREATE TABLE IF NOT EXISTS clew.logs ON CLUSTER '{cluster}' AS clew.logs_local
ENGINE = Distributed(
    '{cluster}', clew, logs_local, cityHash64(ifNull(requestId, toString(lineHash)))
);
