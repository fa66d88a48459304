-- The lint finds what is overdue, and numbers that are to be called twice, by going along an index, however many requests are open.

CREATE INDEX callback_request_open_due_date ON callback_request (due_date, uuid) WHERE NOT clotured;

-- With the uuid the numbers come in the order in which they are compared; with the column that the number is made of, rows need not be
-- looked at: PostgreSQL does not see that the expression is enough.
DROP INDEX callback_request_open_number, callback_request_open_mobile_number;
CREATE INDEX callback_request_open_number ON callback_request (list_uuid, dialled(phone_number), uuid)
    INCLUDE (phone_number) WHERE NOT clotured AND phone_number IS NOT NULL;
CREATE INDEX callback_request_open_mobile_number ON callback_request (list_uuid, dialled(mobile_phone_number), uuid)
    INCLUDE (mobile_phone_number) WHERE NOT clotured AND mobile_phone_number IS NOT NULL;
