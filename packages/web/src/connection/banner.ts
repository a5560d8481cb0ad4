import type { ConnectionStatus } from '@roomlog/client'
import { CLOSE_CODES } from '@roomlog/protocol/wire'

export type Banner = 'connecting' | 'offline' | 'stopped' | 'tooManyPlaces' | 'accountDeleted' | undefined

/** What is to be said of a connection. A browser without a network knows it sooner than its sockets. */
export function bannerOf(status: ConnectionStatus, hasNetwork: boolean): Banner {
  if (!hasNetwork && status.status !== 'stopped') return 'offline'
  switch (status.status) {
    case 'idle':
    case 'online':
      return undefined
    case 'connecting':
      return 'connecting'
    case 'waiting':
      return 'offline'
    case 'stopped': {
      if (status.reason === 'signed_out') return undefined
      if (status.code === CLOSE_CODES.accountDeleted.code) return 'accountDeleted'
      return status.code === CLOSE_CODES.limitExceeded.code ? 'tooManyPlaces' : 'stopped'
    }
  }
}
