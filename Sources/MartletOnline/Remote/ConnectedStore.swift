/// A store that is reached over connections, by itself or behind what it stands under.
package protocol ConnectedStore: Sendable {
    /// What its connections did; nil where there are none.
    var connections: StoreStatistics? { get }
}

extension RedisOnlineStore: ConnectedStore {
    package var connections: StoreStatistics? { statistics }
}

extension DynamoOnlineStore: ConnectedStore {
    package var connections: StoreStatistics? { statistics }
}

extension HotTier: ConnectedStore {
    package var connections: StoreStatistics? { (store as? any ConnectedStore)?.connections }
}
