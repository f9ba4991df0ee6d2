-- A shop with made-up data, the same every time, and with what is hard to take: NaN, infinity, bytes, nested JSON.
CREATE TABLE customers (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    email text,
    password_hash text NOT NULL,
    preferences jsonb,
    tags text[],
    photo bytea,
    changed_at timestamptz
);
CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer uuid NOT NULL REFERENCES customers,
    total numeric(12, 2) NOT NULL CHECK (total >= 0),
    note text,
    ordered_at timestamptz NOT NULL
);
CREATE INDEX ON orders (customer);
CREATE TABLE measurements (
    device text,
    measured_at timestamptz,
    value double precision,
    PRIMARY KEY (device, measured_at)
);
CREATE VIEW spent AS SELECT customer, sum(total) AS total FROM orders GROUP BY customer;
COMMENT ON TABLE customers IS 'Who buys. It''s made up.';

INSERT INTO customers
SELECT md5('customer ' || n)::uuid,
       (ARRAY['Ada', 'Bjørn', 'Çelik', 'Đorđe', '愛'])[1 + n % 5] || ' ' || n,
       CASE WHEN n % 7 <> 0 THEN 'customer' || n || '@example.org' END,
       md5('password ' || n),
       jsonb_build_object('token', md5('token ' || n), 'newsletter', n % 2 = 0, 'sizes', jsonb_build_array(n % 3, n % 5)),
       CASE WHEN n % 3 = 0 THEN ARRAY['vip', NULL, E'a "b"\\c'] END,
       CASE WHEN n % 50 = 0 THEN decode(md5('photo ' || n), 'hex') END,
       '2026-01-01Z'::timestamptz + n * interval '1 hour'
FROM generate_series(1, 400) n;

INSERT INTO orders (customer, total, note, ordered_at)
SELECT md5('customer ' || 1 + n % 400)::uuid,
       (n * 37 % 100000) / 100.0,
       CASE n % 4 WHEN 0 THEN E'line one\nline two\t\\.' WHEN 1 THEN 'please ring "twice"' END,
       '2026-02-01Z'::timestamptz + n * interval '3 minutes'
FROM generate_series(1, 25000) n;

INSERT INTO measurements
SELECT 'device ' || n % 9, '2026-03-01Z'::timestamptz + n * interval '1.5 s',
       CASE n % 1000 WHEN 0 THEN 'NaN' WHEN 1 THEN '-Infinity' ELSE n / 3.0 END
FROM generate_series(1, 25000) n;

ANALYZE;
