-- wrk script: posts BATCH new events of about 250 bytes as JSON lines with each request. Prints one JSON line.
local batch = tonumber(os.getenv("BATCH") or "1")
local path = os.getenv("EVENTS_PATH")
local run = os.getenv("RUN") or "0"
local threads = 0
local number = 0
local filler = string.rep("x", 96)

function setup(thread)
  thread:set("thread", threads)
  threads = threads + 1
end

function request()
  local lines = {}
  local now = os.time()
  for index = 1, batch do
    number = number + 1
    lines[index] = string.format(
      '{"event_id":"%s-%d-%09d","user_id":%d,"amount":%d.25,"kind":"%s","at":"%s","note":"%s"}\n',
      run, thread, number, number % 100000, number % 997, "purchase", os.date("!%Y-%m-%dT%H:%M:%SZ", now), filler)
  end
  return wrk.format("POST", path, {["Content-Type"] = "application/x-ndjson"}, table.concat(lines))
end

local bad = 0
function response(status) if status ~= 200 then bad = bad + 1 end end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    '{"requests": %d, "seconds": %.3f, "p50_ms": %.3f, "p99_ms": %.3f, "bad": %d}', summary.requests,
    summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
