// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {CloudId} from "../types/CloudId.sol";
import {Vm, VmState} from "./IMigrationLedger.sol";

/// @notice A `Vm` in one word, as it is stored, with its transitions.
/// @dev From the lowest bit: home 32, host 32, site 16, sequence 32, move 32, state 8, hadLead 8, mark 40, completeIn 24,
/// nonce 32. One word instead of a struct: a transition reads once, writes once, and costs no memory. Of a VM that does
/// not run (Stopped, Terminated, Succeeded) mark and completeIn together hold the end of its last stay, in milliseconds.
type VmWord is uint256;

using VmWords for VmWord global;

/// @title Fields and transitions of a stored VM
/// @dev Every transition is an act: it raises the nonce. The nonce has the highest bits, so that checked arithmetic
/// refuses the act after the 2**32nd; the sequence never overtakes it.
library VmWords {
    uint256 private constant HOST = 32;
    uint256 private constant SITE = 64;
    uint256 private constant SEQUENCE = 80;
    uint256 private constant MOVE = 112;
    uint256 private constant STATE = 144;
    uint256 private constant HAD_LEAD = 152;
    uint256 private constant MARK = 160;
    uint256 private constant COMPLETE_IN = 200;
    uint256 private constant NONCE = 224;

    uint256 private constant ONE_ACT = 1 << NONCE;
    uint256 private constant NEXT_SEQUENCE = 1 << SEQUENCE;
    /// @dev home, host, site, sequence, move, nonce: what is left when a VM comes to rest.
    uint256 private constant LASTING = ~(((1 << 80) - 1) << STATE);
    /// @dev The same without the move.
    uint256 private constant LASTING_BUT_MOVE = ~(((1 << 112) - 1) << MOVE);
    /// @dev The same without host and site.
    uint256 private constant LASTING_BUT_PLACE = LASTING & ~(((1 << 48) - 1) << HOST);

    /* FIELDS: every cast cuts the field out of the word */

    /// @notice A VM that is new, or is taken over: no stay has begun here.
    function create(CloudId home_, uint32 nonce_, uint32 sequence_) internal pure returns (VmWord) {
        return VmWord.wrap(CloudId.unwrap(home_) | (uint256(sequence_) << SEQUENCE) | (uint256(nonce_) << NONCE));
    }

    /// @notice All fields by name.
    function unpack(VmWord vm) internal pure returns (Vm memory) {
        return
            Vm({
                home: vm.home(),
                host: vm.host(),
                site: vm.site(),
                nonce: vm.nonce(),
                sequence: vm.sequence(),
                move: vm.move(),
                state: vm.state(),
                hadLead: vm.hadLead(),
                mark: vm.mark(),
                completeIn: vm.completeIn()
            });
    }

    /// @notice Field `home`.
    function home(VmWord vm) internal pure returns (CloudId) {
        return CloudId.wrap(uint32(VmWord.unwrap(vm)));
    }

    /// @notice Field `host`.
    function host(VmWord vm) internal pure returns (CloudId) {
        return CloudId.wrap(uint32(VmWord.unwrap(vm) >> HOST));
    }

    /// @notice Field `site`.
    function site(VmWord vm) internal pure returns (uint16) {
        return uint16(VmWord.unwrap(vm) >> SITE);
    }

    /// @notice Field `sequence`.
    function sequence(VmWord vm) internal pure returns (uint32) {
        return uint32(VmWord.unwrap(vm) >> SEQUENCE);
    }

    /// @notice Field `move`.
    function move(VmWord vm) internal pure returns (uint32) {
        return uint32(VmWord.unwrap(vm) >> MOVE);
    }

    /// @notice Field `state`.
    function state(VmWord vm) internal pure returns (VmState) {
        return VmState(uint8(VmWord.unwrap(vm) >> STATE));
    }

    /// @notice Field `hadLead`.
    function hadLead(VmWord vm) internal pure returns (bool) {
        return uint8(VmWord.unwrap(vm) >> HAD_LEAD) != 0;
    }

    /// @notice Field `mark`; 0 for a VM that does not run.
    function mark(VmWord vm) internal pure returns (uint40) {
        return vm.isEnded() ? 0 : uint40(VmWord.unwrap(vm) >> MARK);
    }

    /// @notice Field `completeIn`; 0 for a VM that does not run.
    function completeIn(VmWord vm) internal pure returns (uint24) {
        return vm.isEnded() ? 0 : uint24(VmWord.unwrap(vm) >> COMPLETE_IN);
    }

    /// @notice When the last stay ended, in milliseconds; 0 while the VM runs.
    function endedAt(VmWord vm) internal pure returns (uint48) {
        return vm.isEnded() ? uint48(VmWord.unwrap(vm) >> MARK) : 0;
    }

    /// @notice Field `nonce`.
    function nonce(VmWord vm) internal pure returns (uint32) {
        return uint32(VmWord.unwrap(vm) >> NONCE);
    }

    /* QUESTIONS */

    /// @notice Whether it runs and is in no open move.
    function isResting(VmWord vm) internal pure returns (bool) {
        VmState current = vm.state();
        return current == VmState.Home || current == VmState.Abroad;
    }

    /// @notice Whether it is in an open move.
    function isMoving(VmWord vm) internal pure returns (bool) {
        VmState current = vm.state();
        return current == VmState.Agreed || current == VmState.Started;
    }

    /// @notice Whether its last stay has ended and none follows yet.
    function isEnded(VmWord vm) internal pure returns (bool) {
        return uint8(VmWord.unwrap(vm) >> STATE) >= uint8(VmState.Stopped);
    }

    /* TRANSITIONS */

    /// @notice An act that changes nothing else.
    function acted(VmWord vm) internal pure returns (VmWord) {
        return VmWord.wrap(VmWord.unwrap(vm) + ONE_ACT);
    }

    /// @notice Home, Abroad → Agreed.
    /// @param number Agreement number of the move.
    /// @param hadLead_ Whether the source was given the governed lead.
    /// @param startBy Last moment to start, in seconds.
    /// @param completeIn_ Seconds from then to the last moment to complete.
    function agreed(
        VmWord vm,
        uint32 number,
        bool hadLead_,
        uint40 startBy,
        uint24 completeIn_
    ) internal pure returns (VmWord) {
        uint256 fields = (uint256(number) << MOVE) | _open(VmState.Agreed, startBy, completeIn_);
        if (hadLead_) fields |= 1 << HAD_LEAD;
        return VmWord.wrap(((VmWord.unwrap(vm) & LASTING_BUT_MOVE) | fields) + ONE_ACT);
    }

    /// @notice Agreed → Started.
    /// @param startedAt In seconds.
    /// @param completeIn_ Seconds from then to the last moment to complete.
    function started(VmWord vm, uint40 startedAt, uint24 completeIn_) internal pure returns (VmWord) {
        uint256 fields = _open(VmState.Started, startedAt, completeIn_);
        if (vm.hadLead()) fields |= 1 << HAD_LEAD;
        return VmWord.wrap(((VmWord.unwrap(vm) & LASTING) | fields) + ONE_ACT);
    }

    /// @notice Agreed, Started → as before the move.
    function undone(VmWord vm) internal pure returns (VmWord) {
        return _into(vm, _resting(vm.home(), vm.host()));
    }

    /// @notice Any state → a new stay.
    /// @param host_ Where.
    /// @param site_ Site of the host.
    function placed(VmWord vm, CloudId host_, uint16 site_) internal pure returns (VmWord) {
        uint256 fields =
            (uint256(CloudId.unwrap(host_)) << HOST) |
                (uint256(site_) << SITE) |
                (uint256(_resting(vm.home(), host_)) << STATE);
        return VmWord.wrap(((VmWord.unwrap(vm) & LASTING_BUT_PLACE) | fields) + (ONE_ACT + NEXT_SEQUENCE));
    }

    /// @notice Abroad → Stopped; Home, Stopped → Terminated; Home, Abroad → Succeeded.
    /// @param next Stopped, Terminated or Succeeded.
    /// @param endedAt_ When the last stay ended, in milliseconds.
    function ended(VmWord vm, VmState next, uint48 endedAt_) internal pure returns (VmWord) {
        uint256 fields = (uint256(next) << STATE) | (uint256(endedAt_) << MARK);
        return VmWord.wrap(((VmWord.unwrap(vm) & LASTING) | fields) + ONE_ACT);
    }

    /// @notice Abroad → Abroad, declared lost.
    /// @param declaredAt In seconds.
    function lossDeclared(VmWord vm, uint40 declaredAt) internal pure returns (VmWord) {
        return VmWord.wrap((VmWord.unwrap(vm) | (uint256(declaredAt) << MARK)) + ONE_ACT);
    }

    /// @notice Abroad, declared lost → Abroad.
    function lossTakenBack(VmWord vm) internal pure returns (VmWord) {
        return _into(vm, VmState.Abroad);
    }

    function _into(VmWord vm, VmState next) private pure returns (VmWord) {
        return VmWord.wrap(((VmWord.unwrap(vm) & LASTING) | (uint256(next) << STATE)) + ONE_ACT);
    }

    function _open(VmState state_, uint40 mark_, uint24 completeIn_) private pure returns (uint256) {
        return (uint256(state_) << STATE) | (uint256(mark_) << MARK) | (uint256(completeIn_) << COMPLETE_IN);
    }

    /// @dev The state of a VM that runs and is in no open move.
    function _resting(CloudId home_, CloudId host_) private pure returns (VmState) {
        return home_ == host_ ? VmState.Home : VmState.Abroad;
    }
}
