import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino'

export type { Logger }

export interface LogOptions {
  readonly name: string
  readonly level: string
  /** Instead of standard output. */
  readonly to?: DestinationStream
}

/** JSON lines on standard output; coloured text when a person watches. Secrets and bodies are never written. */
export function createLogger({ name, level, to }: LogOptions): Logger {
  const options: LoggerOptions = {
    name,
    level,
    redact: {
      paths: ['req.headers.authorization', 'req.headers["sec-websocket-protocol"]', 'req.headers.cookie'],
      censor: '[redacted]',
    },
  }
  if (to !== undefined) return pino(options, to)
  return pino({ ...options, ...(process.stdout.isTTY ? { transport: { target: 'pino-pretty' } } : {}) })
}
