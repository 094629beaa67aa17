-- One row a payment; amounts split by what makes a card suspicious, so that each can be counted on its own.
SELECT
    *,
    CASE WHEN status = 'declined' THEN amount END AS declined_amount,
    CASE WHEN channel = 'online' THEN amount END AS online_amount,
    -- Stolen numbers are tried with amounts that nobody notices.
    CASE WHEN amount < 3 THEN amount END AS small_amount
FROM payments
