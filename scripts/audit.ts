import { setTimeout as delay } from 'node:timers/promises'
import { type Options, optionsSchema, readArguments, USAGE } from './audit/options.ts'
import { repair, stillBehind } from './audit/repair.ts'
import { isClean, jsonReport, textReport } from './audit/report.ts'
import { serveReports } from './audit/report-server.ts'
import { type AuditReport, audit } from './audit/run.ts'
import { refuseReplica, takeTurn } from './audit/turn.ts'
import { runCommand } from './operator/command.ts'
import { describeFailure, EXIT, type ExitCode } from './operator/failure.ts'
import { loggerFor, openServers, type ServersWithDatabase } from './operator/servers.ts'
import { readSettings, type TargetWithDatabase } from './operator/settings.ts'

/** Longer than one who watches takes for what is new, and less than a statement may take. */
const TURN_PATIENCE_MS = 30_000
/** It comes again. */
const WATCHING_PATIENCE_MS = 1000

// Is everything that was accepted stored, published, in its place, and sent by somebody?
await runCommand('audit', USAGE, async (args, env) => {
  const given = readArguments(args)
  if (given === undefined) return undefined
  const { target, options } = await readSettings({ env, given, options: optionsSchema, needsDatabase: true })
  if (options.watchMs !== undefined) return watch(target, options, options.watchMs)
  return isClean(await once(target, options)) ? EXIT.clean : EXIT.findings
})

async function once(target: TargetWithDatabase, options: Options): Promise<AuditReport> {
  await using servers = await openServers(target, 'audit')
  await refuseReplica(servers.database)
  const patienceMs = options.watchMs === undefined ? TURN_PATIENCE_MS : WATCHING_PATIENCE_MS
  await using _turn = await takeTurn(servers.database, patienceMs)
  const report = options.repair ? await repairAll(servers, options) : await look(servers, options)
  console.log(options.json ? jsonReport(report) : textReport(report))
  return report
}

/** A report has the first of what can be repaired: again and again, until that is nothing or stays the same. */
async function repairAll(servers: ServersWithDatabase, options: Options): Promise<AuditReport> {
  // Beside the one object that --json promises.
  const say = (text: string) => (options.json ? console.error(text) : console.log(text))
  // Only what is left after all is accepted.
  const lookOnly = () => look(servers, { ...options, accept: false })
  // What an earlier repair has appended there may still wait for them, and its message would be found lost again.
  const behind = await stillBehind(servers.reader)
  let report = await lookOnly()
  const left = new Set(report.lost.map(({ partition }) => partition).filter((it) => behind.has(it)))
  if (left.size > 0)
    say(
      `Not appended again is what is lost in partition ${[...left].join(', ')}: the persisters are behind there. Repair it when they have caught up.`,
    )
  for (let last = ''; ; ) {
    const found = { ...report, lost: report.lost.filter(({ partition }) => !behind.has(partition)) }
    const first = firstOf(found)
    if (first === '' || first === last) break
    last = first
    say(textReport(report))
    const isSettled = await repair(found, { ...servers, log: await servers.openLog(), say })
    if (!isSettled) say('The persisters have not come to it yet: run the audit again when they have.')
    report = await lookOnly()
    if (!isSettled) break
  }
  return options.accept ? look(servers, options) : report
}

/** Of what can be repaired; empty when that is nothing. */
function firstOf({
  lost: [record],
  unpublished: [place],
}: Pick<AuditReport, 'lost' | 'unpublished'>): string {
  const lost = record === undefined ? '' : `${record.partition}:${record.offset}`
  return place === undefined ? lost : `${lost} ${place.roomId}:${place.seq}`
}

function look({ reader, database }: ServersWithDatabase, options: Options): Promise<AuditReport> {
  return audit(reader, database.db, options)
}

async function watch(target: TargetWithDatabase, options: Options, everyMs: number): Promise<ExitCode> {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
  await using server =
    options.listen === undefined ? undefined : await serveReports(options.listen, loggerFor(target, 'audit'))
  for (;;) {
    // A server that is away now may be back at the next look.
    const report = await once(target, options).catch((error: unknown) => {
      console.error(`audit: ${describeFailure(error)}`)
      return undefined
    })
    server?.show(report)
    await delay(everyMs, undefined, { signal: stop.signal }).catch(() => undefined)
    if (stop.signal.aborted) return EXIT.clean
  }
}
