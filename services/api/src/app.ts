import { connect, type Database, isUnavailable } from '@roomlog/db'
import { connectLive, type Live } from '@roomlog/live'
import { TOKEN_AUDIENCES, TOKEN_ISSUER, TOKEN_TYPE } from '@roomlog/protocol'
import {
  createLogger,
  createMetrics,
  createServer,
  health,
  type Logger,
  measurePools,
  tokens,
} from '@roomlog/service-kit'
import type { FastifyInstance } from 'fastify'
import { type Passwords, passwordHasher } from './accounts/passwords.ts'
import type { Config } from './config.ts'
import { documents } from './documents.ts'
import { guards } from './guards.ts'
import { type ApiMetrics, createApiMetrics } from './metrics.ts'
import { PAGE_FOLDER, page } from './page.ts'
import { ANSWER_TIMEOUT_MS } from './routes/answers.ts'
import { loginRoute } from './routes/auth-login.ts'
import { logoutRoute } from './routes/auth-logout.ts'
import { refreshRoute } from './routes/auth-refresh.ts'
import { registerRoute } from './routes/auth-register.ts'
import { configRoute } from './routes/config.ts'
import { messagesRoute } from './routes/room-messages.ts'
import { roomsRoutes } from './routes/rooms.ts'
import { roomsJoinRoute } from './routes/rooms-join.ts'
import { roomsMembersAddRoute } from './routes/rooms-members-add.ts'
import { roomsMembersListRoute } from './routes/rooms-members-list.ts'
import { roomsMembersRemoveRoute } from './routes/rooms-members-remove.ts'
import { roomsMembersRoleRoute } from './routes/rooms-members-role.ts'
import { roomsPublicRoute } from './routes/rooms-public.ts'
import { roomsReadRoute } from './routes/rooms-read.ts'
import { roomsUpdateRoute } from './routes/rooms-update.ts'
import { usersRoute } from './routes/users.ts'
import { usersMeRoutes } from './routes/users-me.ts'
import { deleteMeRoute } from './routes/users-me-delete.ts'
import { exportRoute } from './routes/users-me-export.ts'
import { passwordRoute } from './routes/users-me-password.ts'
import { shareAmongUsers } from './shares.ts'

export interface Overrides {
  readonly log?: Logger
  readonly live?: Live
  /** Where the built page is. */
  readonly pageFolder?: string
}

/** What routes work with. */
export interface Services {
  readonly config: Config
  readonly db: Database['db']
  readonly signals: Live['signals']
  readonly presence: Live['presence']
  readonly passwords: Passwords
  readonly metrics: ApiMetrics
}

export async function buildApp(config: Config, overrides: Overrides = {}): Promise<FastifyInstance> {
  const log = overrides.log ?? createLogger({ name: 'api', level: config.logLevel })
  if (config.database.role === undefined) log.warn('DATABASE_ROLE is not set: working as the login itself')
  const database = connect({ ...config.database, applicationName: 'roomlog-api' }, log)
  const live = overrides.live ?? connectLive({ ...config.live, database }, log)
  const registry = createMetrics()
  const passwords = await passwordHasher()
  measurePools(registry, { main: () => database.pool() })
  const services: Services = {
    config,
    db: database.db,
    signals: live.signals,
    presence: live.presence,
    passwords,
    metrics: createApiMetrics(registry, () => passwords.counts()),
  }

  const app = await createServer({
    log,
    isUnavailable,
    metrics: registry,
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
  await app.register(page, { folder: overrides.pageFolder ?? PAGE_FOLDER })
  await app.register(documents)
  await app.register(health, {
    checks: {
      database: () => database.ping(),
      ...(config.live.engine === 'full' ? { redis: () => live.ping() } : {}),
    },
    optional: ['redis'],
    metrics: registry,
  })

  await addRoutes(app, services)
  app.addHook('onClose', async () => {
    await live.close()
    await database.close()
  })
  return app
}

/** All that can be asked, besides what the plugins above add. */
async function addRoutes(app: FastifyInstance, services: Services): Promise<void> {
  shareAmongUsers(app)
  await app.register(configRoute, services)
  await app.register(registerRoute, services)
  await app.register(loginRoute, services)
  await app.register(refreshRoute, services)
  await app.register(logoutRoute, services)
  await app.register(usersRoute, services)
  await app.register(usersMeRoutes, services)
  await app.register(passwordRoute, services)
  await app.register(deleteMeRoute, services)
  await app.register(exportRoute, services)
  await app.register(roomsRoutes, services)
  await app.register(roomsPublicRoute, services)
  await app.register(roomsUpdateRoute, services)
  await app.register(roomsJoinRoute, services)
  await app.register(roomsMembersListRoute, services)
  await app.register(roomsMembersAddRoute, services)
  await app.register(roomsMembersRoleRoute, services)
  await app.register(roomsMembersRemoveRoute, services)
  await app.register(roomsReadRoute, services)
  await app.register(messagesRoute, services)
}
