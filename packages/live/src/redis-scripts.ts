/**
 * Presence as scripts: each is one step of Redis, over many sockets or users. Time is Redis's own.
 * ARGV[1] is the prefix of keys and channels. Redis Cluster is not supported: keys are made inside.
 */
const PRELUDE = `
local prefix = ARGV[1]
local due, announced = prefix .. 'presence:due', prefix .. 'presence:announced'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function sockets(user) return prefix .. 'presence:user:' .. user end
local function live(user)
  local latest, fields = 0, redis.call('HGETALL', sockets(user))
  for i = 1, #fields, 2 do
    local expiry = tonumber(fields[i + 1])
    if expiry <= now then redis.call('HDEL', sockets(user), fields[i])
    elseif expiry > latest then latest = expiry end
  end
  return latest
end
local function stay(user, socket, ttl)
  redis.call('HSET', sockets(user), socket, now + ttl)
  redis.call('PEXPIRE', sockets(user), ttl)
  redis.call('ZADD', due, now + ttl, user)
end
local function tell(user, online, rooms)
  local transition = redis.call('INCR', prefix .. 'presence:transitions')
  redis.call('PUBLISH', prefix .. 'presence', '{"type":"presence","userId":"' .. user .. '","online":' .. online ..
    ',"transition":' .. transition .. ',"rooms":' .. rooms .. '}')
end
`

export const SCRIPTS = {
  /** prefix, ttl ms, then user, socket, rooms as JSON for each socket. */
  presenceConnected: `${PRELUDE}
for i = 3, #ARGV, 3 do
  stay(ARGV[i], ARGV[i + 1], tonumber(ARGV[2]))
  if redis.call('SADD', announced, ARGV[i]) == 1 then tell(ARGV[i], 'true', ARGV[i + 2]) end
end`,

  /** prefix, ttl ms, then user, socket for each. Announces silently: after a loss of the store nobody has come online. */
  presenceRenewed: `${PRELUDE}
for i = 3, #ARGV, 2 do
  stay(ARGV[i], ARGV[i + 1], tonumber(ARGV[2]))
  redis.call('SADD', announced, ARGV[i])
end`,

  /** prefix, grace ms, then user, socket for each. */
  presenceDisconnected: `${PRELUDE}
for i = 3, #ARGV, 2 do
  redis.call('HDEL', sockets(ARGV[i]), ARGV[i + 1])
  redis.call('ZADD', due, now + tonumber(ARGV[2]), ARGV[i])
end`,

  /** prefix. Answers the users to look at. */
  presenceDue: `${PRELUDE}
return redis.call('ZRANGEBYSCORE', due, '-inf', now)`,

  /** prefix, then user, rooms as JSON for each. Who was not due any more, or has a live socket, is left in peace. */
  presenceLook: `${PRELUDE}
for i = 2, #ARGV, 2 do
  local user = ARGV[i]
  local at = redis.call('ZSCORE', due, user)
  if at and tonumber(at) <= now then
    local latest = live(user)
    if latest > 0 then redis.call('ZADD', due, latest, user)
    else
      redis.call('ZREM', due, user)
      if redis.call('SREM', announced, user) == 1 then tell(user, 'false', ARGV[i + 1]) end
    end
  end
end`,

  /** prefix, then users. Answers 1 or 0 for each. */
  presenceOnline: `${PRELUDE}
local answer = {}
for i = 2, #ARGV do answer[i - 1] = live(ARGV[i]) > 0 and 1 or 0 end
return answer`,
} as const

export type ScriptName = keyof typeof SCRIPTS

/** A client on which they are defined. */
export type Scripts = Record<ScriptName, (...args: readonly (string | number)[]) => Promise<unknown>>
