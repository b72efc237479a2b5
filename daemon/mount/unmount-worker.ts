/** The thread of `unmountOffThread`. */
import { parentPort, workerData } from 'node:worker_threads';
import { unmount } from '../../lib/fuse/device';

parentPort!.postMessage(unmount(workerData.mountpoint, workerData.lazy));
