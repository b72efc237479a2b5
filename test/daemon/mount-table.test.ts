import { overlaysIn, parseMountInfo, topMountAt } from '../../daemon/mount/mount-table';
import type { ByteString } from '../../lib/base/bytes';

const TEXT = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
31 22 0:40 / /a\\040b rw shared:5 master:1 - fuse.stratafs my\\134source rw,user_id=0
32 31 0:41 / /a\\040b rw - tmpfs tmpfs rw
33 22 0:42 / /\xff rw - fuse.stratafs stratafs rw
`;

test('mountinfo: optional fields and escapes', () => {
  const table = parseMountInfo(TEXT);
  expect(table).toHaveLength(4);
  expect(table[1]).toEqual({
    id: 31,
    mountpoint: '/a b',
    type: 'fuse.stratafs',
    source: 'my\\source',
    options: 'rw,user_id=0',
  });
  expect(table[3]).toMatchObject({ mountpoint: '/\xff', type: 'fuse.stratafs' });
});

test('the mount on top is the latest one', () => {
  const table = parseMountInfo(TEXT);
  expect(topMountAt('/a b' as ByteString, table)?.type).toBe('tmpfs');
  expect(topMountAt('/nowhere' as ByteString, table)).toBeUndefined();
});

test('what overlayfs writes to, by absolute paths', () => {
  const table = parseMountInfo(
    '34 22 0:43 / /m rw - overlay o rw,lowerdir=/l,upperdir=/a\\040\\054b,workdir=w\n35 22 0:44 / /n rw - tmpfs t rw,upperdir=/x',
  );
  expect(overlaysIn(table)).toEqual([{ mountpoint: '/m', path: '/a ,b' }]);
});
