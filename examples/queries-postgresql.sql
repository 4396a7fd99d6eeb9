-- What was sold on each day?
SELECT date, count(*) AS orders, sum((data::jsonb ->> 'price')::numeric) AS revenue
FROM record
WHERE source = 'orders' AND date BETWEEN '2024-01-01' AND '2024-01-31'
GROUP BY date
ORDER BY date;

-- Which products sell best?
SELECT data::jsonb ->> 'product' AS product, count(*) AS orders
FROM record
WHERE source = 'orders'
GROUP BY product
ORDER BY orders DESC, product;
