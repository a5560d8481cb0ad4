import { Readable } from 'node:stream'
import { exportLineSchema } from '@roomlog/protocol'
import { within } from '@roomlog/service-kit'
import { exportOf } from '../accounts/export.ts'
import { accountOf } from '../accounts/users.ts'
import { authenticated, rateLimited, userIdOf } from '../guards.ts'
import { ANSWER_TIMEOUT_MS, BEARER, refusals, routes } from './answers.ts'

const JSON_LINES = 'application/x-ndjson'
/** Written ahead of a slow reader, besides the page that was read last. */
const BUFFER_BYTES = 65_536
/** However slowly it is read; what takes longer is cut off. */
const EXPORT_TIMEOUT_MS = 600_000
/** Of one user: one, and another where the first was lost without a word. Each reads on for as long as it is read. */
const EXPORTS_AT_ONCE = 2
const EXPORTED_AGAIN_AFTER_S = 10

export const exportRoute = routes((app, { db }) => {
  /** By user. */
  const running = new Map<Readable, string>()
  let cutOff: NodeJS.Timeout | undefined
  app.addHook('preClose', async () => {
    // As long as other requests have to end.
    cutOff = setTimeout(() => {
      for (const lines of running.keys()) lines.destroy(new Error('the server stops'))
    }, ANSWER_TIMEOUT_MS)
  })
  app.addHook('onClose', async () => clearTimeout(cutOff))

  app.get<{ Reply: Readable }>(
    '/users/me/export',
    {
      onRequest: authenticated,
      handlerTimeout: EXPORT_TIMEOUT_MS,
      // It would read it all and send nothing.
      exposeHeadRoute: false,
      schema: {
        summary: 'All that is mine, as JSON lines',
        description:
          'The account, its memberships, removals and sessions, and its messages, also those in rooms it has left. An answer that is cut off is not whole.',
        security: BEARER,
        response: {
          200: { description: 'JSON lines', content: { [JSON_LINES]: { schema: exportLineSchema } } },
          ...refusals('unauthenticated'),
        },
      },
    },
    async (request, reply) => {
      // Until it begins it is bounded like every answer.
      const user = await within(ANSWER_TIMEOUT_MS, accountOf(db, userIdOf(request)))
      const own = [...running.values()].filter((userId) => userId === user.id)
      if (own.length >= EXPORTS_AT_ONCE) {
        throw rateLimited(request, 'exports of this account are under way', EXPORTED_AGAIN_AFTER_S)
      }
      const lines = Readable.from(exportOf(db, user), { objectMode: false, highWaterMark: BUFFER_BYTES })
      running.set(lines, user.id)
      lines.once('close', () => running.delete(lines))
      request.log.info({ userId: user.id, ip: request.ip }, 'account exported')
      return reply
        .type(JSON_LINES)
        .header('content-disposition', 'attachment; filename="roomlog-export.jsonl"')
        .send(lines)
    },
  )
})
