import type { KafkaMessage } from '../kafka.ts'
import type { LogRecord } from '../port.ts'

export function recordOf({ key, headers = {}, value, offset }: KafkaMessage): LogRecord {
  const texts = Object.entries(headers).map(([name, it]) => [name, String(Array.isArray(it) ? it[0] : it)])
  return { key: key?.toString() ?? null, headers: Object.fromEntries(texts), value, offset: BigInt(offset) }
}
