import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { createLogger, createServer } from 'vite'

// The page from its sources: what is changed in them shows at once. A service of `npm run dev`, so it answers /readyz and
// logs as services do.
const { HOST, PORT } = process.env
const log = createLogger('warn')
const say = (level: number) => (text: string) =>
  console.log(JSON.stringify({ level, msg: stripVTControlCharacters(text) }))

const server = await createServer({
  root: fileURLToPath(new URL('../../packages/web', import.meta.url)),
  server: { host: HOST ?? '127.0.0.1', port: Number(PORT), strictPort: true },
  customLogger: { ...log, warn: say(40), error: say(50) },
  plugins: [
    {
      name: 'roomlog-readyz',
      configureServer: ({ middlewares }) => {
        middlewares.use('/readyz', (_request, response) => response.end('ok'))
      },
    },
  ],
})
process.once('SIGTERM', () => void server.close().finally(() => process.exit()))
await server.listen()
