import { expect, test } from 'vitest'
import { createLogger } from './logger.ts'

function logged(level: string) {
  const lines: Record<string, unknown>[] = []
  const log = createLogger({ name: 'test', level, to: { write: (line) => lines.push(JSON.parse(line)) } })
  return { log, lines }
}

test('credentials in headers are not written', () => {
  const { log, lines } = logged('info')
  const headers = {
    authorization: 'Bearer canary',
    cookie: 'canary',
    'sec-websocket-protocol': 'roomlog.v1, bearer.canary',
    host: 'chat.example.org',
  }
  log.info({ req: { headers } }, 'request')
  expect(JSON.stringify(lines)).not.toContain('canary')
  expect(lines).toMatchObject([
    { name: 'test', msg: 'request', req: { headers: { host: 'chat.example.org' } } },
  ])
})

test('control characters do not break lines', () => {
  const written: string[] = []
  const log = createLogger({ name: 'test', level: 'info', to: { write: (line) => written.push(line) } })
  log.info({ name: 'a\n{"level":60}\u001b[31m' }, 'b\r\nc')
  expect(written).toHaveLength(1)
  expect(written[0]?.trimEnd()).not.toMatch(/\p{Cc}/u)
})

test('levels below the one asked for are left out', () => {
  const { log, lines } = logged('warn')
  log.info('not this')
  log.warn('this')
  expect(lines.map(({ msg }) => msg)).toEqual(['this'])
})
