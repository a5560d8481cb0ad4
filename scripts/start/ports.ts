import { once } from 'node:events'
import { createServer } from 'node:net'
import { StartFailure } from './failure.ts'
import type { Settings } from './settings.ts'

/** Throws a failure that names the first port on which another program listens, and the setting that moves ours. */
export async function checkPorts(settings: Settings): Promise<void> {
  const { host, apiPort, edgePorts, persisterPorts } = settings
  const wanted = [
    { setting: 'API_PORT', ports: [apiPort] },
    { setting: 'EDGE_PORT', ports: edgePorts },
    { setting: 'PERSISTER_PORT', ports: persisterPorts },
  ]
  // Browsers try [::1] first when they are told localhost: a stranger there would answer in our place.
  const addresses = host === '127.0.0.1' ? [host, '::1'] : [host]
  for (const { setting, ports } of wanted) {
    for (const port of ports) {
      for (const address of addresses) await checkPort(address, port, setting)
    }
  }
}

async function checkPort(address: string, port: number, setting: string): Promise<void> {
  const server = createServer()
  try {
    server.listen({ host: address, port, exclusive: true })
    await once(server, 'listening')
    server.close()
    await once(server, 'close')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const wayOut = `Set ${setting} to a free port above 1023, or stop what is there.`
    if (code === 'EADDRINUSE')
      throw portFailure(`Port ${port} is in use by another program. ${wayOut}`, error)
    if (code === 'EACCES') throw portFailure(`This user may not listen on port ${port}. ${wayOut}`, error)
    // No IPv6 here, for example. What concerns the address itself, the service tells.
  }
}

function portFailure(message: string, cause: unknown): StartFailure {
  return new StartFailure('port_in_use', message, cause)
}
