import { printable } from '../operator/printable.ts'
import { FINDING_KINDS, type Finding, type FindingKind } from './findings.ts'
import type { AuditReport } from './run.ts'

const LINES_AT_MOST = 20

const TITLES: Readonly<Record<FindingKind, string>> = {
  accepted_not_stored: 'accepted, not stored',
  stored_not_published: 'stored, not published',
  hole: 'holes in rooms',
  unexplained_row: 'rows nobody accepted',
  dead_letter: 'dead letters',
}

export function isClean({ counts }: AuditReport): boolean {
  return FINDING_KINDS.every((kind) => counts[kind] === 0)
}

/** For people: how much was looked at, one line for each kind, and where the first findings are. */
export function textReport(report: AuditReport): string {
  const { counts, findings, audited, notYet, durationMs, full, startedAt } = report
  const head = `${startedAt.toISOString()}  ${full ? 'everything: ' : ''}${audited} records audited in ${(durationMs / 1000).toFixed(1)} s, ${notYet} not yet`
  const table = FINDING_KINDS.map((kind) => `  ${TITLES[kind].padEnd(24)}${String(counts[kind]).padStart(8)}`)
  const lines = FINDING_KINDS.flatMap((kind) => {
    const shown = findings.filter((it) => it.kind === kind).slice(0, LINES_AT_MOST)
    const more = counts[kind] - shown.length
    return [
      ...shown.map((finding) => `  ${TITLES[kind]}: ${lineOf(finding)}`),
      ...(more > 0 ? [`  ${TITLES[kind]}: and ${more} more${more > 1000 ? '' : ' (--json has them)'}`] : []),
    ]
  })
  return [head, ...table, ...(lines.length === 0 ? ['clean'] : lines)].join('\n')
}

function lineOf(finding: Finding): string {
  const { roomId, seq, clientMsgId, partition, offset, detail } = finding
  const record = partition === undefined ? [] : [`${partition}:${offset}`]
  const parts = [
    ...(roomId === undefined ? [] : [`room ${roomId}`]),
    ...(seq === undefined ? [] : [`seq ${seq}`]),
    ...(clientMsgId === undefined ? [] : [`clientMsgId ${clientMsgId}`]),
    ...record,
  ]
  return `${parts.join(' ')} ${printable(detail)}`
}

/** One object. Findings are cut at 1000 of each kind; `counts` has all. */
export function jsonReport(report: AuditReport): string {
  const { startedAt, durationMs, full, audited, notYet, counts, findings } = report
  return JSON.stringify({
    clean: isClean(report),
    startedAt,
    durationMs,
    full,
    audited,
    notYet,
    counts,
    findings,
  })
}
