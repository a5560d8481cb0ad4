import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { ROOT } from './running-roomlog.ts'

export interface AlertRule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: { readonly severity: string }
  readonly annotations: Readonly<Record<string, string>>
}

interface Rules {
  readonly groups: readonly { readonly name: string; readonly rules: readonly AlertRule[] }[]
}

interface ScrapeConfig {
  readonly job_name: string
}

const FOLDER = join(ROOT, 'infra/prometheus')
const UNITS_S = { s: 1, m: 60, h: 3600, d: 86_400 } as const
/** How much sooner an alert fires here, and how much shorter the time is over which it looks. */
const SOONER = 60
const SHORTER = 20
/** Fewer samples make no rate. */
const SHORTEST_S = 4

export function shipped(file: string): string {
  return readFileSync(join(FOLDER, file), 'utf8')
}

export function alertRules(): readonly AlertRule[] {
  return (parse(shipped('alerts.yml')) as Rules).groups.flatMap(({ rules }) => rules)
}

/** The shipped rules, for who has minutes where operators have hours. Thresholds stay. */
export function scaledRules(): string {
  const { groups } = parse(shipped('alerts.yml')) as Rules
  const rules = groups.map((group) => ({
    ...group,
    rules: group.rules.map((rule) => ({
      ...rule,
      expr: rule.expr.replace(/\[(\w+)\]/g, (_, range) => {
        return `[${Math.max(SHORTEST_S, Math.round(secondsOf(range) / SHORTER))}s]`
      }),
      ...(rule.for === undefined ? {} : { for: `${Math.ceil(secondsOf(rule.for) / SOONER)}s` }),
    })),
  }))
  return JSON.stringify({ groups: rules })
}

function secondsOf(duration: string): number {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(duration) ?? []
  if (unit === undefined) throw new TypeError(`${duration} is no duration that is used here`)
  return Number(count) * UNITS_S[unit as keyof typeof UNITS_S]
}

/** The shipped configuration with these targets in place of its own, by job; it looks each second. */
export function scaledConfig(targets: Readonly<Record<string, readonly string[]>>): string {
  const { scrape_configs, ...rest } = parse(shipped('prometheus.yml')) as {
    readonly scrape_configs: readonly ScrapeConfig[]
  }
  return JSON.stringify({
    ...rest,
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    scrape_configs: scrape_configs.map(({ job_name }) => {
      const found = targets[job_name]
      if (found === undefined) throw new TypeError(`no targets for the job ${job_name}`)
      return { job_name, static_configs: [{ targets: found }] }
    }),
  })
}

interface Panel {
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly targets?: readonly { readonly expr: string }[]
}

export function dashboardPanels(): readonly Panel[] {
  const file = join(ROOT, 'infra/grafana/dashboards/roomlog.json')
  const { panels } = JSON.parse(readFileSync(file, 'utf8')) as { readonly panels: readonly Panel[] }
  return panels.filter(({ type }) => type !== 'row')
}
