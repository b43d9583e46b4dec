-- SPDX-License-Identifier: MIT
-- Banana for pb.lua: bytes in, nodes out, one for each element. A node has kind, start and
-- stop (positions in its message, from 1), and text, or number and digits, or items and
-- count. Nothing recurses, and no length is believed before it was compared with a limit.

local LIMIT = {
    depth = 1000, -- lists in lists
    nodes = 20000, -- elements of a message that are kept; those after them are counted only
    members = 7, -- of a message, which are kept always
}

local WORDS = {
    "None", "class", "dereference", "reference", "dictionary", "function", "instance",
    "list", "module", "persistent", "tuple", "unpersistable", "copy", "cache", "cached",
    "remote", "local", "lcache", "version", "login", "password", "challenge", "logged_in",
    "not_logged_in", "cachemessage", "message", "answer", "error", "decref", "decache",
    "uncache",
}

local LIST, INT, STRING, NEG, FLOAT, LONGINT, LONGNEG, VOCAB =
    0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87

-- The decimal digits of an unsigned number in base 128, low digit first.
local function decimal(prefix)
    local limbs = { 0 } -- base 10^7, low limb first
    for i = #prefix, 1, -1 do
        local carry = prefix:byte(i)
        for k = 1, #limbs do
            local n = limbs[k] * 128 + carry
            limbs[k] = n % 1e7
            carry = math.floor(n / 1e7)
        end
        if carry > 0 then
            limbs[#limbs + 1] = carry
        end
    end
    local digits = { string.format("%d", limbs[#limbs]) }
    for k = #limbs - 1, 1, -1 do
        digits[#digits + 1] = string.format("%07d", limbs[k])
    end
    return table.concat(digits)
end

-- The same as a Lua number: exact up to 2^53.
local function number(prefix)
    local n = 0
    for i = #prefix, 1, -1 do
        n = n * 128 + prefix:byte(i)
    end
    return n
end

local function float_text(value)
    for precision = 15, 17 do
        local text = string.format("%." .. precision .. "g", value)
        if tonumber(text) == value or precision == 17 then
            return text:find("^-?%d+$") and text .. ".0" or text
        end
    end
end

-- Where a scan stands between two calls: a message of many segments is read once.
local function new_scan()
    return { pos = 1, stack = {}, nodes = 0 }
end

-- Puts an element into the innermost open list, if it is one of those that are kept.
local function keep(scan, node)
    local top = scan.stack[#scan.stack]
    scan.nodes = scan.nodes + 1
    if top and (scan.nodes <= LIMIT.nodes or #scan.stack == 1 and #top.items < LIMIT.members) then
        top.items[#top.items + 1] = node
    end
end

-- Ends an element, and the lists that are full by it. Gives the expression's node back when
-- it is whole.
local function finish(scan, node)
    while true do
        node.stop = scan.pos
        local top = scan.stack[#scan.stack]
        if not top then
            return node
        end
        top.left = top.left - 1
        if top.left > 0 then
            return nil
        end
        node = table.remove(scan.stack)
    end
end

-- Reads on in the expression that begins after so many bytes of data. Gives its node; or nil
-- where it goes on after the data; or nil and what is wrong with it. limits.size bounds
-- messages, strings and lists, limits.prefix the bytes of a number.
local function read(scan, data, base, dialect, limits)
    while true do
        local start = base + scan.pos
        local at = data:find("[\128-\255]", start)
        local digits = (at or #data + 1) - start
        if digits > limits.prefix then
            return nil, string.format("a number of more than %d bytes", limits.prefix)
        end
        if not at then
            return nil
        end
        local prefix, kind = data:sub(start, at - 1), data:byte(at)
        local n, size, node = number(prefix), 0, { kind = kind, start = scan.pos }
        if kind == LIST then
            if n > limits.size then
                return nil, string.format("a list of %s elements; the limit is %d",
                    decimal(prefix), limits.size)
            elseif #scan.stack == LIMIT.depth then
                return nil, string.format("lists within more than %d lists", LIMIT.depth)
            end
            node.items, node.left, node.count = {}, n, n
        elseif kind == STRING then
            if n > limits.size then
                return nil, string.format("a string of %s bytes; the limit is %d",
                    decimal(prefix), limits.size)
            end
            size = n
        elseif kind == FLOAT then
            size = 8
        elseif kind == VOCAB then
            node.text = WORDS[n]
            if not node.text then
                return nil,
                    string.format("word %s, which is not in the vocabulary", decimal(prefix))
            elseif dialect == "none" then
                return nil, string.format("the word %s, in the dialect none", node.text)
            end
        elseif kind > VOCAB then
            return nil, string.format("the type byte 0x%02x, which does not exist", kind)
        else
            local negative = kind == NEG or kind == LONGNEG
            node.number = negative and -n or n
            node.digits = (negative and n > 0 and "-" or "") .. decimal(prefix)
        end
        if at + size > #data then
            return nil
        end
        if kind == STRING then
            node.text = data:sub(at + 1, at + size)
        elseif kind == FLOAT then
            node.number = Struct.unpack(">d", data, at + 1)
            node.digits = float_text(node.number)
        end
        scan.pos = at + 1 + size - base
        if scan.pos > limits.size then
            return nil, string.format("a message of more than %d bytes", limits.size)
        end
        keep(scan, node)
        if kind == LIST and n > 0 then
            scan.stack[#scan.stack + 1] = node
        else
            node = finish(scan, node)
            if node then
                return node
            end
        end
    end
end

return { STRING = STRING, new_scan = new_scan, read = read }
