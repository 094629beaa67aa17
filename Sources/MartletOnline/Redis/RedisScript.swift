/// What runs within Redis.
enum RedisScript {
    /// Stores records under their keys, each unless a newer one is there, as `RecordHeader.mayReplace` has it. ARGV are
    /// the records, then for each the moment in milliseconds at which the server may forget it, or 0. Answers a digit a
    /// key: 0 written, 1 a newer one stays, 2 the same bytes are there.
    ///
    /// Lua's numbers are doubles and its comparison of texts follows the server's locale: so the 64-bit words of the
    /// header are compared as halves of 32 bits, the upper signed.
    static let put = """
        local function order(header)
            local el, eh, cl, ch, pl, ph, ml, mh = struct.unpack('<I4i4I4i4I4i4I4i4', header, 9)
            if string.byte(header, 2) % 128 == 2 then return {mh, ml, ph, pl, ch, cl, eh, el} end
            return {mh, ml, eh, el, ch, cl, ph, pl}
        end
        local outcomes = {}
        for i, key in ipairs(KEYS) do
            local new = ARGV[i]
            local old = redis.call('GETRANGE', key, 0, 39)
            local outcome = '0'
            if #old == 40 and string.byte(old, 1) == string.byte(new, 1)
                and string.byte(old, 2) % 128 == string.byte(new, 2) % 128 then
                if old == string.sub(new, 1, 40) and redis.call('GET', key) == new then
                    outcome = '2'
                else
                    local before, after = order(old), order(new)
                    for j = 1, 8 do
                        if after[j] < before[j] then outcome = '1' end
                        if after[j] ~= before[j] then break end
                    end
                end
            end
            if outcome == '0' then
                local expiry = ARGV[#KEYS + i]
                if expiry == '0' then
                    redis.call('SET', key, new)
                else
                    redis.call('SET', key, new, 'PXAT', expiry)
                end
            end
            outcomes[i] = outcome
        end
        return table.concat(outcomes)
        """

    /// The number of the name ARGV[1] in the hash KEYS[1], given out where it has none. No view has the empty name.
    static let number = """
        local known = redis.call('HGET', KEYS[1], ARGV[1])
        if known then return tonumber(known) end
        local number = redis.call('HINCRBY', KEYS[1], '', 1)
        redis.call('HSET', KEYS[1], ARGV[1], number)
        return number
        """
}
