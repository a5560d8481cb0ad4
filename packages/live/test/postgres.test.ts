import { connect, migrate, ROLES } from '@roomlog/db'
import { postgres, suiteOn } from '@roomlog/testkit'
import { sql } from 'kysely'
import { connectLive } from '../src/index.ts'
import { liveContract, TIMES } from './contract.ts'

suiteOn(['postgres'], 'presence and signals on PostgreSQL', () => {
  liveContract(async () => {
    const server = await postgres()
    await migrate(server.url)
    const admin = connect({ url: server.url, applicationName: 'test' })
    return {
      url: server.url,
      connect: (url, log) => {
        const database = connect({ url, role: ROLES.edge, applicationName: 'test', statementTimeoutMs: 1000 })
        const live = connectLive({ engine: 'embedded', namespace: '', database, times: TIMES }, log)
        return { ...live, release: () => database.close() }
      },
      say: async (_roomId, payload) => {
        await sql`SELECT pg_notify('roomlog_live', ${payload})`.execute(admin.db)
      },
      [Symbol.asyncDispose]: async () => {
        await admin.close()
        await server[Symbol.asyncDispose]()
      },
    }
  })
})
