-- The two blanks at which no line is broken (U+00A0, U+202F) are not dialled either. No number that is stored has one, so what the
-- indexes hold stays right.
CREATE OR REPLACE FUNCTION dialled(number text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT translate(number, U&' \00A0\202F.-/()', '')
$$;
