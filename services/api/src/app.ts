import { connect, type Database, isUnavailable } from '@roomlog/db'
import { connectLive, type Live } from '@roomlog/live'
import { TOKEN_AUDIENCES, TOKEN_ISSUER, TOKEN_TYPE } from '@roomlog/protocol'
import { createLogger, createMetrics, createServer, health, type Logger, tokens } from '@roomlog/service-kit'
import type { FastifyInstance } from 'fastify'
import { type Passwords, passwordHasher } from './accounts/passwords.ts'
import type { Config } from './config.ts'
import { documents } from './documents.ts'
import { guards } from './guards.ts'
import { loginRoute } from './routes/auth-login.ts'
import { registerRoute } from './routes/auth-register.ts'
import { configRoute } from './routes/config.ts'
import { messagesRoute } from './routes/room-messages.ts'
import { roomsRoutes } from './routes/rooms.ts'
import { roomsJoinRoute } from './routes/rooms-join.ts'
import { usersMeRoute } from './routes/users-me.ts'

/** Above the database's own bound on a statement, which tells more; a request of several statements ends here. */
const ANSWER_TIMEOUT_MS = 5_250

export interface Overrides {
  readonly log?: Logger
  readonly live?: Live
}

/** What routes work with. */
export interface Services {
  readonly config: Config
  readonly db: Database['db']
  readonly signals: Live['signals']
  readonly passwords: Passwords
}

export async function buildApp(config: Config, overrides: Overrides = {}): Promise<FastifyInstance> {
  const log = overrides.log ?? createLogger({ name: 'api', level: config.logLevel })
  if (config.database.role === undefined) log.warn('DATABASE_ROLE is not set: working as the login itself')
  const database = connect({
    ...config.database,
    applicationName: 'roomlog-api',
    onIdleError: (err) => log.warn({ err }, 'database connection lost'),
  })
  const live = overrides.live ?? connectLive({ ...config.live, database }, log)
  const services: Services = {
    config,
    db: database.db,
    signals: live.signals,
    passwords: await passwordHasher(),
  }

  const app = await createServer({
    log,
    isUnavailable,
    trustProxy: config.trustProxy,
    handlerTimeoutMs: ANSWER_TIMEOUT_MS,
  })
  await app.register(guards, { corsOrigins: config.corsOrigins, wsUrls: config.clients.wsUrls })
  await app.register(tokens, {
    issuer: TOKEN_ISSUER,
    audience: TOKEN_AUDIENCES.api,
    type: TOKEN_TYPE,
    publicKeys: config.tokens.publicKeys,
    signing: {
      key: config.tokens.privateKey,
      audiences: Object.values(TOKEN_AUDIENCES),
      ttlS: config.tokens.accessTtlS,
    },
  })
  await app.register(documents)
  await app.register(health, {
    checks: {
      database: () => database.ping(),
      ...(config.live.engine === 'full' ? { redis: () => live.ping() } : {}),
    },
    optional: ['redis'],
    metrics: createMetrics(),
  })

  await app.register(configRoute, services)
  await app.register(registerRoute, services)
  await app.register(loginRoute, services)
  await app.register(usersMeRoute, services)
  await app.register(roomsRoutes, services)
  await app.register(roomsJoinRoute, services)
  await app.register(messagesRoute, services)

  app.addHook('onClose', async () => {
    await live.close()
    await database.close()
  })
  return app
}
