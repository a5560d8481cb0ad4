import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import staticFiles from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/** What the build of `packages/web` makes: `index.html`, and in `assets` what has its hash in its name. */
export const PAGE_FOLDER = fileURLToPath(new URL('../../../packages/web/dist', import.meta.url))

const ALWAYS_ASKED_FOR = 'no-cache'
const NEVER_CHANGES = 'public, max-age=31536000, immutable'
const NOT_BUILT = `There is no chat page here, for it was not built.
"npm start" builds it; by hand: npm run page, then start the api again.
REST works without it, and is described at /docs.
`

/**
 * The chat page at `/`, with the compressed twin (`.br`, `.gz`) of a file for whoever takes it. It is one page: no path
 * but its files' is its own, and all others are answered as REST answers them.
 */
export const page = fp(async (app: FastifyInstance, { folder }: { readonly folder: string }) => {
  if (!existsSync(join(folder, 'index.html'))) {
    app.log.warn({ folder }, 'the page was not built: / says so')
    app.get('/', { schema: { hide: true } }, async (_request, reply) =>
      reply.code(503).header('cache-control', 'no-store').type('text/plain; charset=utf-8').send(NOT_BUILT),
    )
    return
  }
  const options = {
    preCompressed: true,
    cacheControl: false,
    dotfiles: 'ignore',
    suppressWarning: true,
  } as const
  await app.register(staticFiles, {
    ...options,
    root: folder,
    // Each file is a route of its own: what else stands below / is none of the page's.
    wildcard: false,
    globIgnore: ['assets/**', '**/*.br', '**/*.gz'],
    decorateReply: false,
    setHeaders: (reply) => void reply.header('cache-control', ALWAYS_ASKED_FOR),
  })
  // Looked for when asked for: a page that is built anew has others.
  await app.register(staticFiles, {
    ...options,
    root: join(folder, 'assets'),
    prefix: '/assets/',
    decorateReply: false,
    setHeaders: (reply) => void reply.header('cache-control', NEVER_CHANGES),
  })
})
