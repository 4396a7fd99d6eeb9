-- The storage: monolith's own database, whose owner may create and change tables in it.
CREATE ROLE monolith LOGIN PASSWORD 'change-me';
CREATE DATABASE monolith OWNER monolith ENCODING 'UTF8' TEMPLATE template0;
