SELECT day AS date, page, count(*) AS visits, sum(seconds) AS seconds
FROM page_views
WHERE day BETWEEN :start_date AND :end_date
GROUP BY day, page
