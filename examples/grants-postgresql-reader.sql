-- A source, run in its database: reading is all it needs.
CREATE ROLE reader LOGIN PASSWORD 'change-me-too';
GRANT USAGE ON SCHEMA public TO reader;
GRANT SELECT ON page_views TO reader;
