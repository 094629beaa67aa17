import MartletCore
import MartletDefinitions

/// A repository that uses every part of the language.
enum Examples {
    static let payments = """
        entity: customer
        description: A person who holds cards
        owner: payments team
        tags: {domain: fraud, tier: "1"}
        key: customer_id
        type: int64
        ---
        entity: branch
        keys: {branch_id: int32, region: string}
        ---
        source: payments
        columns:
          payment_id: string
          payer_id: int64
          branch_id: int32
          region: string
          amount: {type: float64, nullable: false, description: in euros}
          currency: string
          kind: string
          status: string
          terminal_online: bool
          booked: {type: timestamp, format: "%y%m%d", zone: UTC, from: date}
          arrived: timestamp
          known_since: {type: timestamp, constant: "2020-01-01"}
        event_time: booked
        arrival_time: arrived
        id: [payment_id, kind]
        csv: {delimiter: ";", quote: "'", header: false, null: ""}
        ---
        source: customers
        columns: {customer_id: int64, country: string, born: timestamp, changed: timestamp}
        event_time: changed
        id: customer_id
        ---
        features: customer_spending
        entity: customer
        source: payments
        where: status = 'approved'
        key_columns: {customer_id: payer_id}
        windows: [1h, 1d, 7d, 30d]
        aggregates:
          payments: count
          amount_max: max(amount)
          last_booking: max(booked)
          currencies: {function: distinct, column: currency, windows: 30d, description: used lately}
          amount_sum: {function: sum, column: amount, windows: [90m, 7d], exact: true}
        ---
        features: branch_flows
        entities: [branch, customer]
        source: payments
        sql: sql/flows.sql
        event_time: seen
        online: false
        windows: 1d
        aggregates:
          inflow: {function: sum, column: inflow, type: float64}
          amount_mean: mean(amount)
        ---
        features: customer_profile
        entity: customer
        source: customers
        ttl: 90d
        latest:
          home_country: country
          born: {description: day of birth}
        ---
        features: customer_basics
        entity: customer
        source: customers
        latest: [country]
        ---
        service: fraud_score
        features:
          - customer_spending
          - "customer_profile:born"
          - {view: branch_flows, features: [inflow_1d]}
        ---
        checks: payments_quality
        source: payments
        rules:
          - not_null: payment_id
            severity: critical
          - unique: payment_id
          - unique: [payment_id, kind]
          - accepted: {column: currency, values: [EUR, USD, "no"]}
          - accepted: {column: branch_id, values: [1, 2]}
          - range: {column: amount, min: 0, max: 100000}
          - range: {column: amount, min: -5.5}
          - regex: {column: currency, pattern: "[A-Z]{3}"}
          - row_count: {min: 1}
          - freshness: {column: booked, max_age: 1d}
          - sql: amount > 0 or kind = 'refund'
            name: refunds_are_negative
            severity: warning
        """

    static let flows =
        "SELECT *, CASE WHEN kind = 'in' THEN amount END AS inflow FROM payments JOIN customers USING (x)\n"

    static func check(_ text: String, file: String = "a.yaml") -> RepositoryText {
        RepositoryText(checking: [.init(path: file, text: text)]) { path in
            path == "sql/flows.sql"
                ? .success(flows) : .failure(MartletError(.notFound, "there is no SQL file `\(path)`"))
        }
    }
}
