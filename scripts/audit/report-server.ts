import { createMetrics, createServer, health, type Logger } from '@roomlog/service-kit'
import { OperatorFailure, reasonOf } from '../operator/failure.ts'
import { measureReport } from './metrics.ts'
import type { AuditReport } from './run.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

/** What a watching auditor says of itself over HTTP: `/metrics`, `/livez`, `/readyz`, as every service has them. */
export interface ReportServer extends AsyncDisposable {
  /** Undefined: the audit did not come to its end. What the one before has found stays; it is not ready meanwhile. */
  show(report: AuditReport | undefined): void
}

/** Throws `OperatorFailure` where it cannot listen. */
export async function serveReports({ host, port }: Address, log: Logger): Promise<ReportServer> {
  const metrics = createMetrics()
  const app = await createServer({ log, isUnavailable: () => false, metrics })
  let last: AuditReport | undefined
  let isOver = false
  const notReady = () => (isOver ? undefined : 'no audit has come to its end, or the last one did not')
  await app.register(health, { checks: {}, notReady, metrics })
  await app.listen({ host, port }).catch((error: unknown) => {
    throw new OperatorFailure(
      `Nobody can listen at ${host}:${port} (${reasonOf(error)}). Name another --listen.`,
    )
  })
  return {
    show: (report) => {
      isOver = report !== undefined
      if (report === undefined) return
      if (last === undefined) measureReport(metrics, () => last ?? report)
      last = report
    },
    [Symbol.asyncDispose]: () => app.close(),
  }
}
