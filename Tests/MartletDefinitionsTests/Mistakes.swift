import MartletCore

extension Mistake {
    static let ofShape: [Mistake] = [
        Mistake(
            "owner: payments", "ownr: payments", "3:1", "unknown key `ownr` in an entity", fix: "did you mean `owner`"),
        Mistake(
            "type: int64\n---", "type: int65\n---", "6:7", "`type` cannot be `int65`", fix: "did you mean `int64`?"),
        Mistake(
            "type: int64\n---", "type: float64\n---", "6:7", "`type` cannot be `float64`",
            fix: "known here: bool, bytes"),
        Mistake(
            "key: customer_id\n", "", "1:1", "an entity has none of `key`, `keys`", fix: "give exactly one of them"),
        Mistake("type: int64\n---", "---", "5:6", "`key` makes sense only with `type`"),
        Mistake(
            "owner: payments team", "owner: 12", "3:8", "`owner` must be text, not a whole number",
            fix: "quote it: \"12\""),
        Mistake(
            "entity: customer\nd", "entity: Customer-A\nd", "1:9", "`entity` is `Customer-A`, which is not a name",
            fix:
                "a name is a lower-case letter, then up to 62 lower-case letters, digits and underscores, such as"
        ),
        Mistake(
            "nullable: false", "nullable: no", "17:37", "`columns.amount.nullable` must be true or false, not text",
            fix: "write false"),
        Mistake(
            "header: false", "headers: false", "28:35", "unknown key `headers` in csv", fix: "did you mean `header`?"),
        Mistake("[1h, 1d,", "[60, 1d,", "40:11", "`windows[0]` must be a time span such as 7d or 1h30m"),
        Mistake("event_time: changed\n", "", "30:1", "a source has no `event_time`", fix: "add `event_time`"),
        Mistake("latest: [country]", "latest: []", "70:9", "`latest` is an empty list"),
        Mistake("ttl: 90d", "windows: 1d", "62:10", "`windows` makes sense only with `aggregates`"),
        Mistake("row_count: {min: 1}", "row_count: {min: -1}", "90:22", "must be a whole number from 0"),
        Mistake("severity: critical", "severity: fatal", "82:15", "`rules[0].severity` cannot be `fatal`"),
        Mistake(
            "- unique: payment_id\n", "- {unique: payment_id, sql: x}\n", "83:5", "`rules[1]` has `unique` and `sql`"),
        Mistake(
            "rules:\n", "checks:\n", "80:1", "the key `checks` is given twice", fix: "list the checks under `rules`"),
        Mistake(
            "entity: branch\n", "entiti: branch\n", "8:1", "the first key names the kind", fix: "did you mean `entity`?"
        ),
    ]

    static let ofReference: [Mistake] = [
        Mistake(
            "entity: customer\nsource: payments", "entity: custmer\nsource: payments", "36:9",
            "there is no entity named `custmer`", fix: "did you mean `customer`?"),
        Mistake(
            "source: payments\nwhere", "source: payment\nwhere", "37:9", "there is no source named `payment`",
            fix: "did you mean `payments`?"),
        Mistake(
            "  - customer_spending\n", "  - customer_spendings\n", "74:5",
            "there is no feature view named `customer_spendings`", fix: "did you mean `customer_spending`?"),
        Mistake(
            "customer_profile:born", "customer_profile:bron", "75:5",
            "feature view customer_profile has no feature `bron`", fix: "did you mean `born`?"),
        Mistake(
            "features: [inflow_1d]", "features: [inflow_7d]", "76:37",
            "feature view branch_flows has no feature `inflow_7d`", fix: "did you mean `inflow_1d`?"),
        Mistake("customer_profile:born", "customer_profile:Born", "75:5", "is not a view or VIEW:FEATURE"),
        Mistake("sql/flows.sql", "sql/flow.sql", "51:6", "there is no SQL file `sql/flow.sql`", .notFound),
        Mistake("source: customers\ncolumns", "source: payments\ncolumns", "30:9", "source payments is defined twice"),
        Mistake(
            "view: branch_flows, features: [inflow_1d]", "view: customer_spending, features: [payments_1h]", "76:42",
            "the feature `payments_1h` of customer_spending is asked for twice"),
    ]

    static let ofColumn: [Mistake] = [
        Mistake(
            "event_time: booked", "event_time: boked", "25:13", "event time `boked` is not a column of source payments",
            fix: "did you mean `booked`?", .missingColumn),
        Mistake("time: arrived", "time: amount", "26:15", "`amount` is of type float64, not timestamp", .typeMismatch),
        Mistake(
            "id: customer_id", "id: customer", "33:5", "id `customer` is not a column",
            fix: "did you mean `customer_id`?",
            .missingColumn),
        Mistake("id: [payment_id, kind]", "id: [kind, kind]", "27:12", "`kind` is twice in `id`"),
        Mistake(
            "max(amount)", "max(amont)", "43:15",
            "aggregate `amount_max` needs the column `amont`, which source payments does not have",
            fix: "did you mean `amount`?", .missingColumn),
        Mistake("max(amount)", "max(currency)", "43:15", "max needs a numeric or timestamp column", .typeMismatch),
        Mistake("max(amount)", "mean(booked)", "43:15", "mean needs a numeric column", .typeMismatch),
        Mistake("max(amount)", "maximum(amount)", "43:15", "is not an aggregate such as count or sum(amount)"),
        Mistake(
            "max(amount)", "sum", "43:15", "aggregate `amount_max` is a sum of no column", fix: "write `sum(column)`"),
        Mistake(
            "{function: sum, column: inflow, type: float64}", "sum(inflow)", "56:11",
            "the type of aggregate `inflow` is not known: column `inflow` comes from SQL",
            fix: "write it as {column: inflow, type: …}"),
        Mistake(
            "key_columns: {customer_id: payer_id}\n", "", "37:9",
            "the key `customer_id` of entity customer needs the column `customer_id`", .missingColumn),
        Mistake(
            "{customer_id: payer_id}", "{customer_id: currency}", "39:28",
            "the key `customer_id` of entity customer is of type int64, but column `currency` is of type string",
            .typeMismatch),
        Mistake(
            "{customer_id: payer_id}", "{customer: payer_id}", "39:15",
            "`key_columns` names `customer`, which is no key of the view's entities", fix: "did you mean `customer_id`?"
        ),
        Mistake(
            "home_country: country", "home_country: contry", "64:17",
            "feature `home_country` needs the column `contry`",
            fix: "did you mean `country`?", .missingColumn),
        Mistake(
            "{description: day of birth}", "{type: string}", "65:16", "feature `born` says type string", .typeMismatch),
        Mistake("home_country: country", "customer_id: country", "64:3", "`customer_id` has the name of a key"),
    ]

    static let ofCheck: [Mistake] = [
        Mistake(
            "not_null: payment_id", "not_null: payment", "81:15", "source payments has no column `payment`",
            .missingColumn),
        Mistake("USD, \"no\"]", "12]", "85:48", "a value of `currency` is not text", fix: "quote it", .typeMismatch),
        Mistake("values: [1, 2]", "values: [1, 3000000000]", "86:47", "is beyond 32 bits", .typeMismatch),
        Mistake("values: [1, 2]", "values: [1, 1]", "86:47", "a value of `branch_id` is given twice"),
        Mistake(
            "{column: amount, min: 0", "{column: kind, min: 0", "87:21", "the check needs a numeric column",
            .typeMismatch),
        Mistake("min: 0, max: 100000", "min: 5, max: 1", "87:12", "`min` is greater than `max`"),
        Mistake("{column: amount, min: -5.5}", "{column: amount}", "88:12", "a bound is missing"),
        Mistake(
            "regex: {column: currency", "regex: {column: amount", "89:21", "the check needs a string column",
            .typeMismatch),
        Mistake("max_age: 1d", "max_age: 0s", "91:42", "`max_age` is not positive"),
        Mistake("sql: amount > 0", "sql: (amount > 0", "92:10", "`sql` is not one expression: a bracket is not closed"),
        Mistake("name: refunds_are_negative", "name: row_count", "93:11", "two checks are named `row_count`"),
        Mistake("where: status = 'approved'", "where: status = 'a' -- b", "38:8", "an expression has no comment"),
        Mistake("where: status = 'approved'", "where: a = 1; DROP TABLE b", "38:8", "an expression has no semicolon"),
        Mistake("where: status = 'approved'", "where: status = 'approved", "38:8", "a quote is not closed"),
    ]

    static let ofWindow: [Mistake] = [
        Mistake(
            "[90m, 7d], exact: true", "[90m, 7m]", "46:62",
            "the window 7m of aggregate `amount_sum` is not a multiple of 5m"),
        Mistake(
            "[90m, 7d], exact: true", "[12h30m]", "46:57", "is not a multiple of 1h",
            fix: "use a multiple of 1h, or give the aggregate `exact: true`"),
        Mistake("[90m, 7d], exact: true", "[12d1h]", "46:57", "is not a multiple of 1d"),
        Mistake("[90m, 7d], exact: true", "[0s]", "46:57", "the window 0s is not positive"),
        Mistake("[90m, 7d], exact: true", "[4000d]", "46:57", "longer than the limit of 3660d", .limitExceeded),
        Mistake("[90m, 7d], exact: true", "[7d, 1w]", "46:61", "the window 7d is given twice"),
        Mistake("windows: 1d\n", "", "55:3", "aggregate `inflow` has no windows"),
        Mistake("ttl: 90d", "ttl: 0s", "62:6", "`ttl` is zero"),
    ]

    static let ofFormat: [Mistake] = [
        Mistake(", zone: UTC", "", "22:37", "the time format `%y%m%d` has no time zone", .missingTimeZone),
        Mistake("%y%m%d", "%y%m%Q", "22:37", "the time format has an unknown part `%Q`"),
        Mistake("%y%m%d", "%H:%M", "22:37", "does not name a day and a year"),
        Mistake("%y%m%d", "%Y-%m-%dT%H:%M:%S%z", "22:37", "has its own time zone", fix: "remove `zone`"),
        Mistake("zone: UTC", "zone: cet/", "22:53", "`cet/` is not a time zone"),
        Mistake(
            "amount: {type: float64,", "amount: {type: float64, format: \"%y%j\", zone: UTC,", "17:35",
            "`format` is for timestamps", .typeMismatch),
        Mistake("\"2020-01-01\"", "\"2020-01-01T10:00:00\"", "24:44", "is not a time with a zone", .typeMismatch),
        Mistake("delimiter: \";\"", "delimiter: \"\"", "28:18", "`delimiter` must be one character"),
        Mistake("quote: \"'\"", "quote: \";\"", "28:30", "`quote` and `delimiter` are equal"),
        Mistake("currency: string\n", "currency: {type: string, from: kind}\n", "19:3", "are both read from `kind`"),
    ]
}
