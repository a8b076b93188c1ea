-- What wrk posts: the body of a file, in which every @ becomes a number that no other request has.
-- wrk … -- FILE; a file without @ is posted as it is. At the end one line of JSON, which benchmarks/load.py reads.

local threads = 0

function setup(thread)
   thread:set("number", threads)
   threads = threads + 1
end

function init(args)
   local file = assert(io.open(args[1], "r"))
   template = file:read("*a")
   file:close()
   fresh = template:find("@", 1, true) ~= nil
   count = 0
   wrk.method = "POST"
   wrk.body = template
   same = wrk.format()
end

function request()
   if not fresh then
      return same
   end
   count = count + 1
   return wrk.format(nil, nil, nil, (template:gsub("@", number .. "x" .. count)))
end

function done(summary, latency, requests)
   local errors = summary.errors
   io.write(string.format(
      'wrk: {"requests": %d, "seconds": %.6f, "refused": %d, "broken": %d, "p50": %.6f, "p99": %.6f}\n',
      summary.requests, summary.duration / 1e6, errors.status,
      errors.connect + errors.read + errors.write + errors.timeout,
      latency:percentile(50) / 1e6, latency:percentile(99) / 1e6))
end
