-- A bucket of tokens, by the server's clock: gives as many whole tokens as there are, at most those wanted.
-- KEYS[1]: the bucket. ARGV: tokens per second, burst, wanted (negative: given back).
local rate, burst, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(kept[1]), tonumber(kept[2])
if tokens == nil or at == nil then
    tokens, at = burst, now
end
tokens = math.min(burst, tokens + math.max(0, now - at) * rate)
local given = wanted
if wanted > 0 then
    given = math.min(wanted, math.floor(tokens + 0.000001))
end
tokens = math.min(burst, math.max(0, tokens - given))
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens), 'at', string.format('%.6f', math.max(now, at)))
redis.call('PEXPIRE', KEYS[1], math.ceil((burst - tokens) / rate * 1000) + 1000)
local wait = 0
if 1 - tokens > 0.000001 then
    wait = (1 - tokens) / rate
end
return {given, string.format('%.6f', tokens), string.format('%.6f', wait)}
