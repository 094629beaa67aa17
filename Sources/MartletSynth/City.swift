/// A place where customers live and merchants sell. Positions are in degrees (WGS 84), populations in thousands,
/// rounded.
struct City: Sendable {
    let name: String
    let country: String
    /// What payments there are settled in.
    let currency: String
    let latitude: Double
    let longitude: Double
    let weight: Double

    private init(
        _ name: String, _ country: String, _ currency: String, _ latitude: Double, _ longitude: Double, _ weight: Double
    ) {
        self.name = name
        self.country = country
        self.currency = currency
        self.latitude = latitude
        self.longitude = longitude
        self.weight = weight
    }

    static let all: [City] = [
        City("Berlin", "DE", "EUR", 52.52, 13.40, 3700), City("Hamburg", "DE", "EUR", 53.55, 9.99, 1900),
        City("Munich", "DE", "EUR", 48.14, 11.58, 1500), City("Cologne", "DE", "EUR", 50.94, 6.96, 1100),
        City("Leipzig", "DE", "EUR", 51.34, 12.37, 600), City("Paris", "FR", "EUR", 48.86, 2.35, 3200),
        City("Lyon", "FR", "EUR", 45.76, 4.84, 900), City("Marseille", "FR", "EUR", 43.30, 5.37, 870),
        City("Toulouse", "FR", "EUR", 43.60, 1.44, 500), City("Madrid", "ES", "EUR", 40.42, -3.70, 3300),
        City("Barcelona", "ES", "EUR", 41.39, 2.17, 1600), City("Valencia", "ES", "EUR", 39.47, -0.38, 800),
        City("Seville", "ES", "EUR", 37.39, -5.98, 690), City("Rome", "IT", "EUR", 41.90, 12.50, 2800),
        City("Milan", "IT", "EUR", 45.46, 9.19, 1400), City("Naples", "IT", "EUR", 40.85, 14.27, 950),
        City("Turin", "IT", "EUR", 45.07, 7.69, 850), City("Amsterdam", "NL", "EUR", 52.37, 4.90, 920),
        City("Rotterdam", "NL", "EUR", 51.92, 4.48, 650), City("Brussels", "BE", "EUR", 50.85, 4.35, 1200),
        City("Antwerp", "BE", "EUR", 51.22, 4.40, 530), City("Vienna", "AT", "EUR", 48.21, 16.37, 1900),
        City("Graz", "AT", "EUR", 47.07, 15.44, 290), City("Lisbon", "PT", "EUR", 38.72, -9.14, 550),
        City("Porto", "PT", "EUR", 41.15, -8.61, 240), City("Dublin", "IE", "EUR", 53.35, -6.26, 590),
        City("Helsinki", "FI", "EUR", 60.17, 24.94, 660), City("Athens", "GR", "EUR", 37.98, 23.73, 660),
        City("London", "GB", "GBP", 51.51, -0.13, 3900), City("Manchester", "GB", "GBP", 53.48, -2.24, 550),
        City("Birmingham", "GB", "GBP", 52.49, -1.89, 1100), City("Glasgow", "GB", "GBP", 55.86, -4.25, 630),
        City("Zurich", "CH", "CHF", 47.38, 8.54, 430), City("Geneva", "CH", "CHF", 46.20, 6.14, 200),
        City("New York", "US", "USD", 40.71, -74.01, 700), City("Los Angeles", "US", "USD", 34.05, -118.24, 350),
        City("Miami", "US", "USD", 25.76, -80.19, 150), City("Toronto", "CA", "USD", 43.65, -79.38, 150),
        City("Sao Paulo", "BR", "USD", -23.55, -46.63, 120), City("Lagos", "NG", "USD", 6.52, 3.38, 60),
        City("Istanbul", "TR", "EUR", 41.01, 28.98, 250), City("Dubai", "AE", "USD", 25.20, 55.27, 150),
        City("Mumbai", "IN", "USD", 19.08, 72.88, 100), City("Bangkok", "TH", "USD", 13.76, 100.50, 150),
        City("Singapore", "SG", "USD", 1.35, 103.82, 100), City("Hong Kong", "HK", "USD", 22.32, 114.17, 100),
        City("Tokyo", "JP", "USD", 35.68, 139.65, 120), City("Sydney", "AU", "USD", -33.87, 151.21, 100),
    ]
}

extension City {
    /// In ten-thousandths of a degree.
    static let positions: [(latitude: Int32, longitude: Int32)] = all.map {
        (Int32(($0.latitude * 10_000).rounded()), Int32(($0.longitude * 10_000).rounded()))
    }

    static func distanceKilometres(_ first: Int, _ second: Int) -> Double {
        MartletSynth.distanceKilometres(
            all[first].latitude, all[first].longitude, all[second].latitude, all[second].longitude)
    }
}
