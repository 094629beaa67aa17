-- One row a booking, its amount split by direction and purpose.
SELECT
    *,
    CASE WHEN type = 'PRIJEM' THEN amount END AS amount_in,
    CASE WHEN type <> 'PRIJEM' THEN amount END AS amount_out,
    CASE WHEN type = 'PRIJEM' THEN booked END AS booked_in,
    -- Transfers with a purpose are the standing orders: household, insurance, loan, leasing. The file of standing
    -- orders itself has no dates, so it cannot say what was known on the day of a loan.
    CASE WHEN operation = 'PREVOD NA UCET' AND k_symbol IN ('SIPO', 'POJISTNE', 'UVER', 'LEASING') THEN amount END
        AS standing_order,
    CASE WHEN k_symbol = 'SANKC. UROK' THEN amount END AS penalty,
    CASE WHEN bank IS NOT NULL THEN bank || ':' || account END AS partner
FROM bookings
