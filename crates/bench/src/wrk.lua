-- Requests are lines of a file: method, path, headers (name:value|name:value) and body, separated by tabs. They are sent
-- in an order of chance. Of GraphQL each answer is looked at; of redirects wrk counts those with a status above 399.
local threads = {}

function setup(thread)
   table.insert(threads, thread)
end

function init(args)
   bad = 0
   local requests, count = {}, 0
   for line in io.lines(args[1]) do
      local method, path, headers, body = line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$")
      local named = {}
      for name, value in headers:gmatch("([^:|]+):([^|]*)") do
         named[name] = value
      end
      count = count + 1
      requests[count] = wrk.format(method, path, named, body ~= "" and body or nil)
   end
   math.randomseed(os.time())
   local random = math.random
   if args[2] == "visitors" then
      for at = 1, count do
         requests[at] = requests[at]:gsub("\r\n\r\n$", "\r\nX-Forwarded-For: ")
      end
      function request()
         return requests[random(count)] .. random(1, 223) .. "." .. random(0, 255) .. "." .. random(0, 255) .. "." .. random(1, 254) .. "\r\n\r\n"
      end
   else
      function request()
         return requests[random(count)]
      end
      function response(status, headers, body)
         if status ~= 200 or body:find('"errors"', 1, true) then
            bad = bad + 1
            if bad == 1 then
               io.stderr:write(status, " ", body:sub(1, 500), "\n")
            end
         end
      end
   end
end

function done(summary, latency, requests)
   local bad, errors = 0, summary.errors
   for _, thread in ipairs(threads) do
      bad = bad + (thread:get("bad") or 0)
   end
   local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
   print(string.format(
      'bench {"requests":%d,"microseconds":%d,"p50":%.0f,"p99":%.0f,"bad":%d,"failed":%d}',
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), bad, failed
   ))
end
