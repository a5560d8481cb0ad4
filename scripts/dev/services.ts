import { join } from 'node:path'
import { pageOrigins, type ServiceSpec, serviceTable, systemEnvironment } from '../start/services.ts'
import type { Settings } from '../start/settings.ts'

/** The services of a start, and who shows the page from its sources: to them it is a page like the api's own. */
export const devServices: typeof serviceTable = (root, settings, prepared) => {
  const origins = [settings.apiPort, settings.pagePort].flatMap(pageOrigins)
  const env = { ALLOWED_ORIGINS: origins.join(), ...settings.env }
  return [...serviceTable(root, { ...settings, env }, prepared), pageServer(root, settings)]
}

function pageServer(root: string, { host, apiPort, pagePort, env }: Settings): ServiceSpec {
  return {
    name: 'page',
    file: join(root, 'scripts/dev/page-server.ts'),
    host,
    port: pagePort,
    env: {
      ...systemEnvironment(env),
      HOST: host,
      PORT: String(pagePort),
      API_URL: `http://${host.includes(':') ? `[${host}]` : host}:${apiPort}`,
    },
  }
}
