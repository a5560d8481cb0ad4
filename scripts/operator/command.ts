import { SettingsError } from '@roomlog/service-kit'
import { describeFailure, EXIT, type ExitCode, UsageError } from './failure.ts'
import type { Environment } from './settings.ts'

const LINGER_MS = 5000

/** Runs an operator's command to its exit code; `work` resolves with undefined where help is asked for. */
export async function runCommand(
  name: string,
  usage: string,
  work: (args: readonly string[], env: Environment) => Promise<ExitCode | undefined>,
): Promise<void> {
  // A reader that has seen enough (`| head`) is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) =>
    process.exit(error.code === 'EPIPE' ? EXIT.clean : EXIT.failed),
  )
  try {
    const code = await work(process.argv.slice(2), process.env)
    if (code === undefined) console.log(usage)
    process.exitCode = code ?? EXIT.clean
  } catch (error) {
    console.error(
      `${name}: ${error instanceof UsageError ? `${error.message}\n\n${usage}` : describeFailure(error)}`,
    )
    if (error instanceof SettingsError) console.error(`Help: npm run ${name} -- --help`)
    process.exitCode = EXIT.failed
  }
  // A server that is away must not keep the process: whatever still waits for one is abandoned.
  setTimeout(() => process.exit(), LINGER_MS).unref()
}
