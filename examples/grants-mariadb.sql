-- The storage: monolith's own database. ALTER, CREATE, INDEX and DROP are needed when a new version changes its tables.
CREATE DATABASE monolith CHARACTER SET utf8mb4;
CREATE USER monolith@'%' IDENTIFIED BY 'change-me';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, DROP, REFERENCES ON monolith.* TO monolith@'%';

-- A source: reading is all it needs.
CREATE USER reader@'%' IDENTIFIED BY 'change-me-too';
GRANT SELECT ON marketplace.installs TO reader@'%';
