import { useEffect } from 'react'
import { useClient } from '../session/use-client.ts'
import { useLeave } from '../session/use-leave.ts'
import { useValue } from '../state/use-value.ts'
import { useTexts } from '../text/use-texts.ts'
import { bannerOf } from './banner.ts'
import { useNetwork } from './use-network.ts'
import { useSecondsUntil } from './use-seconds-until.ts'
import './connection.css'

/** Says when the connection is away, and when it is tried again. It lies over the page: nothing moves by it. */
export function ConnectionBanner() {
  const t = useTexts()
  const client = useClient()
  const leave = useLeave()
  const status = useValue(client.connection)
  const banner = bannerOf(status, useNetwork())
  const seconds = useSecondsUntil(status.status === 'waiting' ? status.retryAtMs : undefined)

  useEffect(() => {
    if (banner === 'accountDeleted') void leave()
  })

  return (
    <div className={`banner is-${banner ?? 'none'}`} role="status">
      {banner === 'connecting' && t.connecting}
      {banner === 'offline' && (
        <>
          <span>
            {t.offline} {!client.isOutboxKept && t.keptHereOnly}
          </span>
          {/* A screen reader is not told each second. */}
          <span className="banner-count" aria-hidden="true">
            {status.status === 'waiting' && (seconds > 0 ? t.retryIn(seconds) : t.retryNow)}
          </span>
        </>
      )}
      {(banner === 'stopped' || banner === 'tooManyPlaces') && (
        <>
          <span>{banner === 'stopped' ? t.stopped : t.tooManyPlaces}</span>
          <button type="button" className="button small" onClick={() => client.connect()}>
            {t.connectAgain}
          </button>
        </>
      )}
    </div>
  )
}
