-- A storage as version 0003 made it, with a little of everything in it. Never changed: it is what users have.
-- `-- only:` says which databases the statements after it are for.
-- only: all
CREATE TABLE monolith_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);
INSERT INTO monolith_version VALUES ('0003');
-- only: sqlite
CREATE TABLE ledger (
  target VARCHAR(190) NOT NULL,
  source VARCHAR(190) NOT NULL,
  date DATE NOT NULL,
  via VARCHAR(190) NOT NULL,
  state VARCHAR(16) NOT NULL,
  count BIGINT,
  a BIGINT,
  b BIGINT,
  fingerprint VARCHAR(32) NOT NULL,
  age BIGINT NOT NULL,
  asked DATETIME,
  written DATETIME,
  run VARCHAR(64) NOT NULL,
  error TEXT NOT NULL,
  remark TEXT NOT NULL,
  version VARCHAR(255) DEFAULT '' NOT NULL,
  purged SMALLINT DEFAULT 0 NOT NULL,
  imprint VARCHAR(32) DEFAULT '' NOT NULL,
  PRIMARY KEY (target, source, date)
) WITHOUT ROWID;
CREATE TABLE run (
  id VARCHAR(64) NOT NULL,
  config TEXT NOT NULL,
  phases TEXT NOT NULL,
  host VARCHAR(255) NOT NULL,
  pid BIGINT NOT NULL,
  holder TEXT NOT NULL,
  started DATETIME NOT NULL,
  finished DATETIME,
  status VARCHAR(16) NOT NULL,
  counts TEXT NOT NULL,
  error TEXT NOT NULL,
  PRIMARY KEY (id)
) WITHOUT ROWID;
CREATE TABLE lease (
  phase VARCHAR(190) NOT NULL,
  source VARCHAR(190) NOT NULL,
  token BIGINT NOT NULL,
  holder TEXT NOT NULL,
  since DOUBLE NOT NULL,
  expires DOUBLE NOT NULL,
  created DOUBLE NOT NULL,
  PRIMARY KEY (phase, source)
) WITHOUT ROWID;
-- only: mysql
CREATE TABLE ledger (
  target VARCHAR(190) NOT NULL,
  source VARCHAR(190) NOT NULL,
  date DATE NOT NULL,
  via VARCHAR(190) NOT NULL,
  state VARCHAR(16) NOT NULL,
  count BIGINT,
  a BIGINT,
  b BIGINT,
  fingerprint VARCHAR(32) NOT NULL,
  age BIGINT NOT NULL,
  asked DATETIME(6),
  written DATETIME(6),
  run VARCHAR(64) NOT NULL,
  error TEXT NOT NULL,
  remark TEXT NOT NULL,
  version VARCHAR(255) DEFAULT '' NOT NULL,
  purged SMALLINT DEFAULT 0 NOT NULL,
  imprint VARCHAR(32) DEFAULT '' NOT NULL,
  PRIMARY KEY (target, source, date)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE run (
  id VARCHAR(64) NOT NULL,
  config TEXT NOT NULL,
  phases TEXT NOT NULL,
  host VARCHAR(255) NOT NULL,
  pid BIGINT NOT NULL,
  holder TEXT NOT NULL,
  started DATETIME(6) NOT NULL,
  finished DATETIME(6),
  status VARCHAR(16) NOT NULL,
  counts TEXT NOT NULL,
  error TEXT NOT NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE lease (
  phase VARCHAR(190) NOT NULL,
  source VARCHAR(190) NOT NULL,
  token BIGINT NOT NULL,
  holder TEXT NOT NULL,
  since DOUBLE NOT NULL,
  expires DOUBLE NOT NULL,
  created DOUBLE NOT NULL,
  PRIMARY KEY (phase, source)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
-- only: postgresql
CREATE TABLE ledger (
  target VARCHAR(190) NOT NULL,
  source VARCHAR(190) NOT NULL,
  date DATE NOT NULL,
  via VARCHAR(190) NOT NULL,
  state VARCHAR(16) NOT NULL,
  count BIGINT,
  a BIGINT,
  b BIGINT,
  fingerprint VARCHAR(32) NOT NULL,
  age BIGINT NOT NULL,
  asked TIMESTAMP WITHOUT TIME ZONE,
  written TIMESTAMP WITHOUT TIME ZONE,
  run VARCHAR(64) NOT NULL,
  error TEXT NOT NULL,
  remark TEXT NOT NULL,
  version VARCHAR(255) DEFAULT '' NOT NULL,
  purged SMALLINT DEFAULT 0 NOT NULL,
  imprint VARCHAR(32) DEFAULT '' NOT NULL,
  PRIMARY KEY (target, source, date)
);
CREATE TABLE run (
  id VARCHAR(64) NOT NULL,
  config TEXT NOT NULL,
  phases TEXT NOT NULL,
  host VARCHAR(255) NOT NULL,
  pid BIGINT NOT NULL,
  holder TEXT NOT NULL,
  started TIMESTAMP WITHOUT TIME ZONE NOT NULL,
  finished TIMESTAMP WITHOUT TIME ZONE,
  status VARCHAR(16) NOT NULL,
  counts TEXT NOT NULL,
  error TEXT NOT NULL,
  PRIMARY KEY (id)
);
CREATE TABLE lease (
  phase VARCHAR(190) NOT NULL,
  source VARCHAR(190) NOT NULL,
  token BIGINT NOT NULL,
  holder TEXT NOT NULL,
  since DOUBLE PRECISION NOT NULL,
  expires DOUBLE PRECISION NOT NULL,
  created DOUBLE PRECISION NOT NULL,
  PRIMARY KEY (phase, source)
);
-- only: all
CREATE INDEX ledger_due ON ledger (target, via, state, age, fingerprint, date, source);
CREATE INDEX run_started ON run (started);
INSERT INTO ledger (target, source, date, via, state, count, a, b, fingerprint, age, asked, written, run, error, remark,
  version, purged, imprint)
VALUES ('sql', 'ga', '2024-01-01', 'ga', 'done', 2, 8589934592, 17179869184, '0123456789abcdef', 90000,
  '2024-01-02 03:04:05.678901', '2024-01-02 03:04:05.678901', 'run-1', '', '', 'W/"a-1"', 0,
  'fedcba9876543210fedcba9876543210');
INSERT INTO ledger (target, source, date, via, state, count, a, b, fingerprint, age, asked, written, run, error, remark,
  version, purged, imprint)
VALUES ('sql', 'müll', '2024-01-02', 'ga', 'failed', NULL, NULL, NULL, '', 0, NULL, NULL, '', 'it broke', 'a remark', '', 1, '');
INSERT INTO run (id, config, phases, host, pid, holder, started, finished, status, counts, error)
VALUES ('run-1', '/etc/monolith.ini', 'extract,load', 'web1', 7, 'host=web1 boot=b pidns=pid:[1] pid=7 start=1',
  '2024-01-02 03:04:05.678901', '2024-01-02 03:04:05.678901', 'ok', '{"done": 1}', '');
INSERT INTO lease (phase, source, token, holder, since, expires, created)
VALUES ('extract', 'ga', 7, 'host=web1 boot=b pidns=pid:[1] pid=7 start=1', 1704164645.678901, 0, 1704067200);
