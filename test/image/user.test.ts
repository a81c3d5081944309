import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type ResolvedUser, resolveUser } from "../../src/image/user.js";

const test = suite("users of images");

const passwd = `root:x:0:0:root:/root:/bin/sh
# a comment
app:x:1000:1001:App:/home/app:/bin/sh
5:x:2000:2000::/five:/bin/sh
broken:x:abc:1:
homeless:x:3000:3000::
`;
const group = "root:x:0:\nwheel:x:10:root,app\nappgroup:x:1001:\naudio:x:29:app\n";

const users: [spec: string, user: ResolvedUser][] = [
  ["", { uid: 0, gid: 0, additionalGids: [10], home: "/root" }],
  ["root", { uid: 0, gid: 0, additionalGids: [10], home: "/root" }],
  ["app", { uid: 1000, gid: 1001, additionalGids: [10, 29], home: "/home/app" }],
  ["1000", { uid: 1000, gid: 1001, additionalGids: [10, 29], home: "/home/app" }],
  ["app:wheel", { uid: 1000, gid: 10, additionalGids: [], home: "/home/app" }],
  ["app:77", { uid: 1000, gid: 77, additionalGids: [], home: "/home/app" }],
  ["4000", { uid: 4000, gid: 0, additionalGids: [], home: "/" }],
  ["4000:4001", { uid: 4000, gid: 4001, additionalGids: [], home: "/" }],
  [":wheel", { uid: 0, gid: 10, additionalGids: [], home: "/root" }],
  ["5", { uid: 2000, gid: 2000, additionalGids: [], home: "/five" }],
  ["homeless", { uid: 3000, gid: 3000, additionalGids: [], home: "/" }],
];

for (const [spec, user] of users) {
  test(`${JSON.stringify(spec)} is ${user.uid}:${user.gid}`, () =>
    assert.equal(resolveUser(spec, passwd, group), user));
}

test("numbers need no files", () => {
  assert.equal(resolveUser("7:8", undefined, undefined), { uid: 7, gid: 8, additionalGids: [], home: "/" });
  assert.equal(resolveUser("", undefined, undefined), { uid: 0, gid: 0, additionalGids: [], home: "/" });
});

const faults: [spec: string, says: RegExp][] = [
  ["nobody-here", /unknown user "nobody-here".*not in the image's \/etc\/passwd/],
  ["app:nogroup", /unknown group "nogroup"/],
  ["broken", /unknown user/],
  ["-1", /user -1 is out of range/],
  ["4294967295", /out of range/],
  ["1:99999999999", /group 99999999999 is out of range/],
];

for (const [spec, says] of faults) {
  test(`refused: ${spec}`, () => {
    assert.throws(
      () => resolveUser(spec, passwd, group),
      (thrown: Error & { code?: string; hint?: string }) =>
        thrown.code === "INVALID_ARGUMENT" && says.test(thrown.message) && thrown.hint !== undefined,
    );
  });
}

test("a missing file is told", () => {
  assert.throws(() => resolveUser("app", undefined, undefined), /the image has no \/etc\/passwd/);
});

test.run();
