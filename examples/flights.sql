-- Which airlines were late most often, by more than half an hour?
SELECT json_extract(data, '$.carrier') AS airline,
       count(*) AS flights,
       round(100 * avg(json_extract(data, '$.arr_delay') > 30), 1) AS late_percent,
       max(json_extract(data, '$.arr_delay')) AS worst_minutes
FROM record
WHERE source = 'flights' AND json_extract(data, '$.arr_delay') IS NOT NULL
GROUP BY airline
HAVING flights > 5000
ORDER BY late_percent DESC
LIMIT 5;

-- On which days did most planes stay on the ground?
SELECT date,
       count(*) AS planned,
       sum(json_extract(data, '$.dep_time') IS NULL) AS cancelled
FROM record
WHERE source = 'flights'
GROUP BY date
ORDER BY cancelled DESC
LIMIT 5;

-- Does wind make planes late? (Kennedy airport, by the windiest hour of a day)
WITH weather AS (
    SELECT date, max(json_extract(data, '$.wind_speed')) AS wind
    FROM record
    WHERE source = 'weather' AND json_extract(data, '$.origin') = 'JFK'
    GROUP BY date
), flights AS (
    SELECT date, avg(json_extract(data, '$.dep_delay')) AS delay
    FROM record
    WHERE source = 'flights' AND json_extract(data, '$.origin') = 'JFK'
    GROUP BY date
)
SELECT CASE WHEN wind < 15 THEN ' 0 to 15 mph'
            WHEN wind < 25 THEN '15 to 25 mph'
            ELSE 'over 25 mph' END AS wind,
       count(*) AS days,
       round(avg(delay), 1) AS average_delay
FROM weather JOIN flights USING (date)
GROUP BY 1
ORDER BY 1;
