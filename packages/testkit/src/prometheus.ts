import { available } from './dependencies.ts'
import {
  type PrometheusFiles,
  startNativePrometheus,
  startPrometheusContainer,
  type ToolRun,
} from './prometheus-server.ts'

export type TestPrometheus = AsyncDisposable & {
  readonly url: string
  /** Runs `promtool` in the folder of the files. */
  promtool(...args: readonly string[]): Promise<ToolRun>
}

/** A Prometheus of the caller's own, which reaches what listens on 127.0.0.1, with these files in its folder. */
export async function prometheus(files: PrometheusFiles): Promise<TestPrometheus> {
  const { how } = await available('prometheus')
  const start = how === 'container' ? startPrometheusContainer : startNativePrometheus
  const { url, promtool, stop } = await start(files)
  return { url, promtool: (...args) => promtool(args), [Symbol.asyncDispose]: stop }
}
