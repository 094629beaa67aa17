-- wrk script: with CONSTANT=1 asks for the server's constant answer, else asks for the ten features of KEYS random
-- users of ENTITIES, over Feast's wire. With RATE, each of the CONNECTIONS waits between its requests so that about
-- RATE requests a second come in all. Prints one JSON line.
local keys = tonumber(os.getenv("KEYS") or "1")
local entities = tonumber(os.getenv("ENTITIES") or "100000")
local rate = tonumber(os.getenv("RATE") or "0")
local connections = tonumber(os.getenv("CONNECTIONS") or "32")

wrk.method = "POST"
wrk.path = "/get-online-features"
wrk.headers["Content-Type"] = "application/json"

local names = {}
for index = 0, 9 do names[index + 1] = '"user_online:f' .. index .. '"' end
local head = '{"features":[' .. table.concat(names, ",") .. '],"entities":{"user_id":['

-- Made before the clock starts: the generator shares its processors with the server.
local requests = {}
local turn = 0

function init()
    math.randomseed(20261001)
    if os.getenv("CONSTANT") == "1" then
        requests[1] = wrk.format("GET", "/ready")
        return
    end
    for index = 1, 1000 do
        local ids = {}
        for key = 1, keys do ids[key] = math.random(0, entities - 1) end
        requests[index] = wrk.format(nil, nil, nil, head .. table.concat(ids, ",") .. "]}}")
    end
end

function request()
    turn = turn % #requests + 1
    return requests[turn]
end

if rate > 0 then
    local wait = 1000 * connections / rate
    -- Whole milliseconds only: the fraction is spread at random.
    function delay() return math.floor(wait + math.random()) end
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '{"requests":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,"p999_ms":%.3f,"bad":%d}\n',
        summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        latency:percentile(99.9) / 1e3,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
